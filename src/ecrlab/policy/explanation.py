"""Explanations: a decision in plain language, from its trace."""

from collections.abc import Sequence

from ecrlab.policy.decision import Decision, PolicyType, Row, type_name

_LIMITS: tuple[PolicyType, ...] = ("permissions boundary", "session", "service control")


def explain(decision: Decision) -> str:
    """Return what decided a request and, for an implicit denial, which statements came near and why they did not."""
    asked = f"{decision.request.action} on {decision.request.resource}"
    if decision.verdict == "ExplicitlyDenied" and decision.statement is not None:
        return _denied(decision, decision.statement, asked)
    if decision.allowed:
        return _allowed(decision, asked)
    return _missing(decision, asked)


def why_not(row: Row, decision: Decision) -> str:
    """Return why a statement did not apply, as a clause; "it applies" when it did."""
    mismatch = row.mismatch
    request = decision.request
    statement = row.statement
    if mismatch is None:
        return "it applies"
    if mismatch.element == "action":
        listed = _list(statement.actions.values)
        if statement.actions.negated:
            return f"its NotAction leaves {request.action} out ({listed})"
        return f"its Action is {listed}, not {request.action}"
    if mismatch.element == "principal":
        named = statement.principals or statement.not_principals
        listed = _list(tuple(value for _, value in named.entries)) if named else ""
        if statement.principals is None:
            return f"its NotPrincipal leaves the caller out ({listed})"
        return f"its Principal is {listed}, not {request.principal}"
    if mismatch.element == "resource":
        assert statement.resources is not None
        listed = _list(statement.resources.values)
        if statement.resources.negated:
            return f"its NotResource leaves {request.resource} out ({listed})"
        return f"its Resource is {listed}, not {request.resource}"
    assert mismatch.condition is not None
    condition = mismatch.condition
    found = decision.context.get(condition.lookup)
    if found is None:
        seen = "the request has no such key"
    else:
        seen = f"the request has {_list((found,) if isinstance(found, str) else found)}"
    return f"its condition {condition.operator} asks {condition.key} for {_list(condition.values)} and {seen}"


def _list(values: tuple[str, ...], most: int = 4) -> str:
    shown = ", ".join(value or '""' for value in values[:most]) or "nothing"
    return shown + (f" and {len(values) - most} more" if len(values) > most else "")


def _grants(row: Row) -> bool:
    return row.applied and row.effect == "Allow" and row.origin.policy_type not in _LIMITS


def _place(row: Row) -> str:
    return f"statement {row.label} of {row.origin}"


def _allowed(decision: Decision, asked: str) -> str:
    row = decision.statement
    if row is None:
        return f"Allowed: {asked}. The account's root user needs no policy, and none denies it."
    text = f"Allowed: {_place(row)} allows {asked}, and no statement denies it."
    others = {each.origin.policy_type for each in decision.trace}
    if decision.cross_account:
        text += " The caller is of another account, so its own account had to allow it too; it does."
    elif decision.policy_type == "resource-based":
        text += " In one account what the resource's policy grants to the caller itself is enough."
    limits = [type_name(kind) for kind in _LIMITS if kind in others]
    if decision.policy_type == "identity-based" and limits:
        text += f" The {_and(limits)} {'allows' if len(limits) == 1 else 'allow'} it as well."
    return text


def _and(words: Sequence[str]) -> str:
    return " and the ".join(words)


def _denied(decision: Decision, row: Row, asked: str) -> str:
    text = f"Denied: {_place(row)} explicitly denies {asked}. A Deny beats every Allow"
    allows = [each for each in decision.trace if _grants(each)]
    if allows:
        text += f", here that of {_place(allows[0])}"
    denies = sum(1 for each in decision.trace if each.applied and each.effect == "Deny")
    if denies > 1:
        text += f". {denies - 1} more {'statement denies' if denies == 2 else 'statements deny'} it too"
    return text + "."


def _missing(decision: Decision, asked: str) -> str:
    kind = decision.policy_type
    if kind is None:
        return "Denied: STS lets no account's root user assume a role, whatever policies say. A user or a role can."
    name = type_name(kind)
    rows = [row for row in decision.trace if row.origin.policy_type == kind]
    text = f"Denied: no {name} allows {asked}. What nothing allows is denied."
    if kind in ("resource-based", "role trust") and decision.cross_account:
        text += " The caller is of another account, so the policy of the resource must allow it and so must its own."
        if not any(_grants(row) and row.origin.policy_type == "identity-based" for row in decision.trace):
            text += " No identity-based policy of the caller allows it either."
    elif kind in _LIMITS:
        text += f" A {name} grants nothing itself; it sets what other policies can grant."
    elif kind == "identity-based" and any(
        row.applied and row.effect == "Allow" and row.origin.policy_type in ("resource-based", "role trust")
        for row in decision.trace
    ):
        if decision.cross_account:
            text += " The policy of the resource allows it, but the caller's own account must allow it too."
        else:
            text += " The policy of the resource allows the account, which leaves it to the account's own policies."
    if not rows:
        return text + f" There is no {name} at all."
    near = [
        row for row in rows if row.effect == "Allow" and row.mismatch is not None and row.mismatch.element != "action"
    ]
    for row in near[:3]:
        text += f" S{_place(row)[1:]} covers the action but does not apply: {why_not(row, decision)}."
    if not near:
        text += f" None of the Allow statements in {_places(rows)} covers the action."
    return text


def _places(rows: list[Row]) -> str:
    return _list(tuple(dict.fromkeys(str(row.origin) for row in rows)))
