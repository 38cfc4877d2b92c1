"""Pieces: a witness in the parts of a sentence, and in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecrlab.aws.authorization.explain import statement_json
from ecrlab.aws.authorization.suggest import where
from ecrlab.aws.surplus.look import Hit, Look
from ecrlab.home import REGION
from ecrlab.policy import Decision, Policies, Row, Statement
from ecrlab.policy.pattern import Context, Style, pattern

_SIDES = {
    "": "",
    "identity": ", as far as the caller's own policies have a say",
    "resource": ", if the caller's own account lets them",
}
_NO_RESOURCE = "no single resource (*)"
_PARTS = ("arn", "partition", "service", "region", "account", "resource")


def piece(hit: Hit, look: Look) -> dict[str, Any]:
    """Return a witness in pieces for a sentence.

    Keys: principal and who (a name in words), action, resource and on (in words), known (the resource exists), differs
    (what puts it outside of the wish: "principal", "service", "action", "partition", "region", "account", "resource" or
    "condition"), half ("" when it is allowed; "identity" or "resource" when that side alone says yes), context (the
    keys that an ordinary request has otherwise; None: it must not have it), statement (the one that opens it: label,
    index, policy, policy_type, source, arn, in, json), written (what of it fits, as written: action, resource,
    principal), what, opened_by and text (parts of a sentence, and one; names in code marks).
    """
    decision = look.decide(hit.action, hit.place, hit.context, hit.half if hit.half == "identity" else "")
    row = _opening(decision, look)
    statement = None if row is None else _statement(row, decision)
    opened_by = "the account itself" if statement is None else f"statement {statement['label']} of {statement['in']}"
    context = _unusual(hit, look)
    on = _in_words(hit.place.target.arn, hit.asker.account)
    done = f"`{hit.action}` on {_invented(hit)}{_marked(on)}{_when(context)}"
    who = _marked(hit.asker.name)
    return {
        "principal": hit.asker.arn,
        "who": hit.asker.name,
        "action": hit.action,
        "resource": hit.place.target.arn,
        "on": on,
        "known": hit.place.known,
        "differs": _differs(hit, look),
        "half": hit.half,
        "context": context,
        "statement": statement,
        "written": {} if row is None else _written(row.statement, hit),
        "what": f"{done} by {who}",
        "opened_by": opened_by,
        "text": f"{who[0].upper()}{who[1:]} may do {done}{_SIDES[hit.half]}: {opened_by} allows it.",
    }


def _unusual(hit: Hit, look: Look) -> dict[str, str | list[str] | None]:
    """The keys of the situation that are not as in an ordinary request, spelled as conditions spell them."""
    ordinary = look.context(hit.action, hit.place)
    spelled = {each.lookup: each.key for statement in look.spoken for each in statement.conditions}
    found: dict[str, str | list[str] | None] = {}
    for key in {**ordinary, **hit.context}:
        value = hit.context.get(key)
        if value != ordinary.get(key) and key in spelled:
            found[spelled[key]] = list(value) if isinstance(value, tuple) else value
    return found


def _when(context: Mapping[str, str | list[str] | None]) -> str:
    words = []
    for key, value in context.items():
        said = ", ".join(value) if isinstance(value, list) else value
        words.append(f"without {key}" if said is None else f"with {key} {said}")
    return f" {' and '.join(words)}" if words else ""


def _opening(decision: Decision, look: Look) -> Row | None:
    """The statement that opens it: the caller's own where it has a say, at a door the resource's."""
    kinds = ("resource-based", "role trust") if look.door else ("identity-based",)
    rows = [row for row in decision.trace if row.applied and row.effect == "Allow" and row.origin.policy_type in kinds]
    return rows[0] if rows else decision.statement


def _statement(row: Row, decision: Decision) -> dict[str, Any]:
    kind = row.origin.policy_type
    of_resource = kind in ("resource-based", "role trust") and row.origin.name != "registry policy"
    return {
        "label": row.label,
        "index": row.index,
        "policy": row.policy_name,
        "policy_type": kind,
        "source": row.origin.source,
        "arn": row.origin.arn,
        "in": where(decision.request, Policies(), kind) if of_resource else str(row.origin),
        "json": statement_json(row.statement),
    }


def _written(statement: Statement, hit: Hit) -> dict[str, str]:
    """Which of a statement's values fit the request, as written."""
    found = {"action": "NotAction"}
    if not statement.actions.negated:
        action = hit.action.lower()
        found["action"] = next(text for text in statement.actions.values if _fits(text.lower(), action, Style.GLOB))
    if statement.resources is not None:
        found["resource"] = "NotResource"
        if not statement.resources.negated:
            arn = hit.place.target.arn
            fits = (text for text in statement.resources.values if _fits(text, arn, Style.ARN, hit.context))
            found["resource"] = next(fits, "")
    if statement.principals is not None:
        values = [value for _, value in statement.principals.entries]
        found["principal"] = "*" if "*" in values else ", ".join(values)
    return found


def _fits(text: str, value: str, style: Style, context: Context | None = None) -> bool:
    return pattern(text, style, context is not None).matches(value, context or {})


def _differs(hit: Hit, look: Look) -> str:
    """What puts a witness outside of the wish: the first thing that no sentence of the wish has."""
    wishes = look.wish.all
    if not wishes:
        return "principal"
    service = hit.action.partition(":")[0].lower()
    if not any(text.lower().startswith((f"{service}:", "*")) for each in wishes for text in each.actions.values):
        return "service"
    near = [each for each in wishes if each.actions.match(hit.action.lower())]
    if not near:
        return "action"
    target = hit.place.target.arn.split(":", 5)
    missing = []
    for each in near:
        for text in each.resources.values if each.resources else ("*",):
            wanted = target if text == "*" else text.split(":", 5)
            pairs = zip(_PARTS, wanted, target, strict=False)
            missing.append([name for name, wish, seen in pairs if not _fits(wish, seen, Style.GLOB)])
    # The sentence that comes nearest; of its parts that do not fit the widest one.
    nearest = min(missing, key=len)
    return nearest[0].replace("arn", "resource") if nearest else "condition"


def _invented(hit: Hit) -> str:
    """Words before the name of a repository that nobody made: it stands for all that the patterns take."""
    name = hit.place.target.arn.rpartition(":")[2]
    made_up = not hit.place.known and name.startswith("repository/") and name != "repository/*"
    return "a repository such as " if made_up else ""


def _marked(words: str) -> str:
    """A name with code marks around its first word, or around the star of no resource; other words as they are."""
    if words.startswith(("anybody ", "all ")):
        return words
    if words == _NO_RESOURCE:
        return words.replace("*", "`*`")
    name, space, rest = words.partition(" ")
    return f"`{name}`{space}{rest}"


def _in_words(arn: str, account: str) -> str:
    """A resource in words: its name, with Region and account where they are not the usual ones."""
    if arn == "*":
        return _NO_RESOURCE
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[2] not in ("ecr", "iam"):
        return arn
    region = f" in {parts[3]}" if parts[3] not in ("", REGION) else ""
    owner = f" of account {parts[4]}" if parts[4] not in ("aws", account) else ""
    name = "all repositories" if parts[5] == "repository/*" else parts[5].removeprefix("repository/")
    return name + region + owner
