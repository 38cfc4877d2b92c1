"""A decision opened: context, the statements in play, the one that decided, and what would fix a denial."""

from __future__ import annotations

import sys
import traceback
from typing import Any

from ecrlab.aws.authorization.suggest import suggest
from ecrlab.policy import Decision, Policies, Row, Statement, explain, why_not

MOST = 50
"""How many statements an opened decision lists; those that decided or came near are among them."""


class Asked(dict[str, Any]):
    """What the X-ray keeps of one question: action, resource, decision, reason and explanation, and more on demand.

    It holds the decision and the policies that it was made by, which nobody changes afterwards. So the opened form,
    with what would turn a denial, is worked out when somebody looks and tells how it was; the request waits for none
    of it. A denial has it under "opened" for every reader (`seen`), an allowed decision for whoever asks (`opened`).
    """

    __slots__ = ("_decision", "_policies")

    def __init__(self, decision: Decision, policies: Policies) -> None:
        super().__init__(
            action=decision.request.action,
            resource=decision.request.resource,
            decision="allowed" if decision.allowed else "denied",
            reason=reason(decision),
            explanation=explain(decision),
        )
        self._decision = decision
        self._policies = policies

    def seen(self) -> Asked:
        """Return the question as every reader sees it, and the X-ray's file: a denial with its opened form."""
        if not self._decision.allowed and "opened" not in self:
            self["opened"] = opened(self._decision, self._policies)
        return self

    def opened(self) -> dict[str, Any]:
        """Return the question with its opened form."""
        return {**self, "opened": self.get("opened") or opened(self._decision, self._policies)}


def reason(decision: Decision) -> str:
    """Return in one line the deciding statement, or the end of AWS's sentence for a denial."""
    if not decision.allowed:
        return decision.context_text or decision.message
    row = decision.statement
    return f"statement {row.label} of {row.origin}" if row is not None else "the account's root user"


def opened(decision: Decision, policies: Policies) -> dict[str, Any]:
    """Return everything a learner may want to see of a decision, as JSON.

    Keys: principal, verdict, policy_type, message (AWS's sentence, "" when allowed), context, statements (each:
    policy_type, policy, arn, source, label, effect, applied, decided, mismatch: the first element that does not match
    or None, why, statement), hidden (how many statements
    are left out), suggestion (`authorization.suggest.suggest`; None when allowed).
    """
    rows = sorted(enumerate(decision.trace), key=lambda item: (_distance(item[1], decision), item[0]))
    return {
        "principal": decision.request.principal,
        "verdict": decision.verdict,
        "policy_type": decision.policy_type,
        "message": decision.message,
        "cross_account": decision.cross_account,
        "context": {
            key: value if isinstance(value, str) else list(value) for key, value in decision.request.context.items()
        },
        "statements": [_row(row, decision) for _, row in rows[:MOST]],
        "hidden": max(0, len(rows) - MOST),
        "suggestion": _suggestion(decision, policies),
    }


def _suggestion(decision: Decision, policies: Policies) -> dict[str, Any] | None:
    """What would turn the decision. A fault of ours must not take the other rows of the X-ray along: it is logged."""
    try:
        return suggest(decision, policies)
    except Exception:
        traceback.print_exc(file=sys.stderr)
        return None


def _distance(row: Row, decision: Decision) -> int:
    """The one that decided first, then those that applied, then by how much of them fits."""
    if row is decision.statement:
        return 0
    if row.mismatch is None:
        return 1
    return {"condition": 2, "resource": 3, "principal": 4, "action": 5}[row.mismatch.element]


def _row(row: Row, decision: Decision) -> dict[str, Any]:
    return {
        "policy_type": row.origin.policy_type,
        "policy": row.origin.name,
        "arn": row.origin.arn,
        "source": row.origin.source,
        "origin": str(row.origin),
        "label": row.label,
        "effect": row.effect,
        "applied": row.applied,
        "decided": row is decision.statement,
        "mismatch": row.mismatch.element if row.mismatch else None,
        "why": why_not(row, decision),
        "statement": statement_json(row.statement),
    }


def statement_json(statement: Statement) -> dict[str, Any]:
    """Return a statement as it stands in a document; single values stand without a list."""
    found: dict[str, Any] = {}
    if statement.sid:
        found["Sid"] = statement.sid
    found["Effect"] = statement.effect
    for element, named in (("Principal", statement.principals), ("NotPrincipal", statement.not_principals)):
        if named is not None:
            kinds: dict[str, list[str]] = {}
            for kind, value in named.entries:
                kinds.setdefault(kind, []).append(value)
            found[element] = "*" if named.entries == (("AWS", "*"),) else {k: _one(v) for k, v in kinds.items()}
    found["NotAction" if statement.actions.negated else "Action"] = _one(statement.actions.values)
    if statement.resources is not None:
        found["NotResource" if statement.resources.negated else "Resource"] = _one(statement.resources.values)
    conditions: dict[str, dict[str, Any]] = {}
    for condition in statement.conditions:
        conditions.setdefault(condition.operator, {})[condition.key] = _one(condition.values)
    if conditions:
        found["Condition"] = conditions
    return found


def _one(values: tuple[str, ...] | list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
