"""Decisions of IAM in words: what `ecrlab can` prints and what a notebook says of an X-ray row."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

Opened = Mapping[str, Any]
"""A decision opened, as `ecrlab.client.LabClient.decide` returns it; of an X-ray row: `flat`."""

WIDTH = 110


def flat(decision: Opened) -> dict[str, Any]:
    """Return one of an X-ray row's decisions in the form of `LabClient.decide`'s answers.

    A row from before the lab's last start may have no opened form; then statements and context are empty and
    "verdict" is None.
    """
    empty: dict[str, Any] = {
        "principal": "", "verdict": None, "policy_type": None, "message": "", "context": {}, "statements": [],
        "hidden": 0, "suggestion": None, "notes": [],
    }  # fmt: skip
    found = {**empty, **decision, **(decision.get("opened") or {})}
    found["allowed"] = decision.get("decision") == "allowed"
    return found


def short(arn: str) -> str:
    """Return a principal or a resource as a learner calls it: "user/ops", "repository/my-web-app", "*"."""
    return arn.split(":", 5)[-1] if arn.startswith("arn:") else arn


def headline(decision: Opened) -> str:
    """Return the verdict in one line, with an icon and the word."""
    who, what = short(str(decision.get("principal") or "")) or "the caller", decision["action"]
    where = short(str(decision["resource"]))
    where = "no single resource (*)" if where == "*" else where
    if decision["allowed"]:
        return f"✓ allowed: {who} may {what} on {where}"
    word = "forbidden" if decision.get("verdict") == "ExplicitlyDenied" else "not allowed"
    return f"✗ {word}: {who} may not {what} on {where}"


def blocked(decision: Opened) -> str:
    """Return which type of policy decided or blocks, in a sentence; "" when it is not known any more."""
    kind = decision.get("policy_type")
    if decision["allowed"]:
        if kind is None and decision.get("verdict"):
            return "The account's root user needs no policy."
        return f"Decided by: {named(kind)}." if kind else ""
    if not kind:
        return ""
    if decision.get("verdict") == "ExplicitlyDenied":
        return f"Blocked by: {named(kind)}, with an explicit Deny. Somebody said no."
    return f"Blocked by: {named(kind)}, because nothing there allows it. Nobody said yes."


def named(kind: str | None) -> str:
    """Return a policy type with its noun: "identity-based policies", "permissions boundary"."""
    if kind == "permissions boundary":
        return kind
    return f"{kind} policies" if kind in ("identity-based", "service control") else f"{kind} policy"


def row_words(row: Mapping[str, Any]) -> tuple[str, str]:
    """Return what a statement did (icon and word) and, in words, which one it is and why."""
    if row["decided"]:
        state = f"▶ decides ({row['effect']})"
    elif row["applied"]:
        state = f"• applies ({row['effect']})"
    else:
        state = f"- does not apply ({row['effect']})"
    where = f"statement {row['label']} of {row['origin']}"
    return state, where if row["applied"] else f"{where}: {row['why']}"


def statement_text(statement: object) -> str:
    """Return a statement as JSON to copy."""
    return json.dumps(statement, indent=2, ensure_ascii=False)


def text(decision: Opened, details: bool = False, instead: str = "") -> str:
    """Return a decision in words: verdict, AWS's sentence, why, the statements in play, and what would fix it.

    Args:
        decision: the decision, opened.
        details: list all statements and the context too; without, the statements that decided, applied or came near.
        instead: what is said in place of what would fix it, where that is shown only when it is asked for.
    """
    lines = [headline(decision)]
    lines += [f"  Note: {note}" for note in decision.get("notes") or ()]
    if decision.get("message"):
        lines += _block("AWS says: ", str(decision["message"]))
    if blocked(decision):
        lines += _block("", blocked(decision))
    lines += _block("Why: ", str(decision["explanation"]))
    lines += _statements(decision, details)
    lines += _block("", instead) if instead and decision.get("suggestion") else _suggest(decision)
    if details and decision["context"]:
        lines.append("  Context of the request:")
        lines += [f"    {key} = {_value(value)}" for key, value in sorted(decision["context"].items())]
    if decision.get("proposal"):
        lines += _proposal(decision["proposal"])
    return "\n".join(lines)


def _block(head: str, words: str, indent: int = 2) -> list[str]:
    return textwrap.wrap(
        head + words,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _value(value: object) -> str:
    return ", ".join(str(each) for each in value) if isinstance(value, list) else str(value)


def _statements(decision: Opened, details: bool) -> list[str]:
    rows: Sequence[Mapping[str, Any]] = decision["statements"]
    if not rows:
        return ["  Statements in play: none at all."] if decision.get("verdict") else []
    lines = ["  Statements in play:"]
    near = rows if details else [row for row in rows if row["mismatch"] != "action"] or rows[:3]
    for row in near:
        state, words = row_words(row)
        lines += _block(f"{state}: ", words, 4)
    left = len(rows) - len(near) + int(decision.get("hidden") or 0)
    if left:
        lines.append(f"    {left} more {'does' if left == 1 else 'do'} not cover the action.")
    return lines


def _suggest(decision: Opened) -> list[str]:
    suggestion = decision.get("suggestion")
    if not suggestion:
        return []
    lines = _block("What would do: ", suggestion["advice"])
    for piece in suggestion["statements"]:
        if len(suggestion["statements"]) > 1:
            lines.append(f"  In {piece['where']}:")
        lines += textwrap.indent(statement_text(piece["statement"]), "    ").splitlines()
    if suggestion["warning"]:
        lines += _block("Warning, wider than needed: ", suggestion["warning"])
    if suggestion["set"]:
        words = set_words(suggestion["set"])
        lines += _block("", words)
        lines += textwrap.indent(statement_text(suggestion["set"]["statement"]), "    ").splitlines()
    return lines


def set_words(more: Mapping[str, Any]) -> str:
    """Return the sentence before the statement for a whole push or pull."""
    return (
        f"A whole {more['purpose']} asks for {len(more['actions'])} things that nothing allows yet; granted one by "
        "one, each request meets the next denial. All of them in one statement:"
    )


def _proposal(found: Mapping[str, Any]) -> list[str]:
    does = "would do" if found["enough"] else "would not do"
    lines = _block("Your statement: ", f"in {found['where']} it {does}.")
    if found["warning"]:
        lines += _block("Warning, wider than needed: ", found["warning"])
    return lines


def bearer_text(who: Mapping[str, Any]) -> str:
    """Return what a verified token says of its bearer, and which roles let the bearer in."""
    claims = who["claims"]
    lines = [f"The bearer of a token of {claims['iss']}, as {who['arn']} vouches:"]
    lines += [f"  {name}: {_value(claims[name])}" for name in ("sub", "aud", "azp", "amr") if name in claims]
    inside = [each for each in who["roles"] if each["allowed"]]
    lines += [f"✓ may take role/{each['role']}" for each in inside]
    if not inside:
        lines.append("✗ may take none of the account's roles")
    for each in who["roles"]:
        lines += _block(f"role/{each['role']}: ", each["why"])
    return "\n".join(lines)


def who_text(who: Mapping[str, Any]) -> str:
    """Return who somebody is and which policies speak about them."""
    if "claims" in who:
        return bearer_text(who)
    lines = [str(who["arn"]), f"  account {who['account']}, {who['kind']}"]
    if who["groups"]:
        lines.append(f"  groups: {', '.join(who['groups'])}")
    if who["policies"]:
        lines.append("  policies:")
        for each in who["policies"]:
            kind = "managed" if each["arn"] else "inline"
            lines.append(f"    {each['name']} ({kind}, {each['source']})")
    else:
        lines.append("  policies: none. What nothing allows is denied.")
    if who["boundary"]:
        lines.append(f"  permissions boundary: {who['boundary']}. It grants nothing; it sets what policies can grant.")
    if who["session_policy"]:
        lines.append("  a session policy limits this session")
    return "\n".join(lines)
