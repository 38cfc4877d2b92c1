"""Causes in IAM's decision: which type of policy refused, and why. All of it is read from the decision's record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Any

from ecrlab.client import LabError
from ecrlab.client.decision_text import flat, named
from ecrlab_course.causes.goal import Goal
from ecrlab_course.causes.scene import Finding, Scene, asks, place_of, who
from ecrlab_course.documents.xray_row import Row

_SIMPLE = {"permissions boundary": "boundary", "session": "session-policy", "role trust": "role-trust"}


def find(scene: Scene, goal: Goal) -> Finding | None:
    """Return why IAM refused the last request towards the goal, when that is how it ended."""
    if goal.verb not in ("push", "pull", "call") or goal.at == "hub":
        return None
    rows = [row for row in scene.since(goal) if row["decision"] == "denied" and _is_towards(row, goal)]
    rows = [row for row in rows if not goal.by or who(row) == goal.by]
    if not rows:
        return None
    row = rows[-1]
    decision = flat(next(each for each in row["decisions"] if each["decision"] == "denied"))
    if _allowed_now(scene, decision):
        return Finding("not-tried-again", row["seq"], _gaps(row, decision))
    return _why(scene, row, decision)


def _is_towards(row: Row, goal: Goal) -> bool:
    if goal.verb == "call":
        return asks(row, goal)
    if row["action"] == ("ecr-public" if goal.at == "public" else "ecr") + ":GetAuthorizationToken":
        return True
    return row["service"] == goal.at and goal.takes(place_of(row).repository)


def _allowed_now(scene: Scene, decision: Mapping[str, Any]) -> bool:
    """Tell whether the same person may by now: the policies changed after the refusal, and nothing was tried since."""
    if ":user/" not in decision["principal"]:
        return False
    with suppress(LabError):
        asked = decision["principal"], decision["action"], decision["resource"]
        return bool(scene.lab.control.decide(*asked, context=decision["context"])["allowed"])
    return False


def _gaps(row: Row, decision: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "who": who(row) or "the caller",
        "action": decision["action"],
        "resource": decision["resource"],
        "kind": named(decision["policy_type"]),
    }


def _why(scene: Scene, row: Row, decision: Mapping[str, Any]) -> Finding | None:
    """Return which type of policy refused, and why; None when the record says neither: it is from an earlier start."""
    gaps, at, statements = _gaps(row, decision), int(row["seq"]), decision["statements"]
    if decision["verdict"] == "ExplicitlyDenied":
        one = next((each for each in statements if each["decided"]), None)
        return one and Finding("explicit-deny", at, {**gaps, "statement": one["label"], "origin": one["origin"]})
    kind = decision["policy_type"]
    mine = [each for each in statements if each["policy_type"] == kind]
    gaps["origin"] = mine[0]["origin"] if mine else f"the {named(kind)}"
    if kind in _SIMPLE:
        return Finding(_SIMPLE[kind], at, gaps)
    if kind == "resource-based":
        return Finding("repository-policy" if mine else "no-repository-policy", at, gaps)
    if kind != "identity-based":
        return None
    name, more = _of_identity(scene, decision, [each for each in mine if each["effect"] == "Allow"], str(gaps["who"]))
    return Finding(name, at, {**gaps, **more})


def _of_identity(
    scene: Scene, decision: Mapping[str, Any], mine: list[Mapping[str, Any]], user: str
) -> tuple[str, dict[str, Any]]:
    """Return why no identity-based policy allows the request: from the statement that came nearest."""
    for each in mine:
        if each["mismatch"] == "condition":
            return "condition-not-met", {"why": each["why"], "origin": each["origin"]}
    for each in mine:
        if each["mismatch"] == "resource" and "Resource" in each["statement"]:
            name, more = _resource(each["statement"]["Resource"], str(decision["resource"]))
            return name, {**more, "origin": each["origin"]}
    group = _group_without(scene, user, str(decision["action"]))
    if group:
        return "empty-group", {"group": group}
    if not mine and not decision["hidden"]:
        return "nothing-attached", {}
    invented = _invented(scene, mine)
    return ("unknown-action", {"invented": invented}) if invented else ("action-not-named", {})


def _resource(value: Any, asked: str) -> tuple[str, dict[str, Any]]:
    """Return how the statement's Resource differs from the resource that IAM was asked about."""
    values = [value] if isinstance(value, str) else list(value)
    if asked == "*":
        return "needs-a-star", {"held": values[0]}
    wanted = asked.split(":", 5)
    found: list[tuple[int, str, dict[str, Any]]] = []
    for each in values:
        parts = [*each.split(":", 5), *[""] * 6][:6]
        gaps = {"held": each}
        if parts[5].startswith(f"{wanted[5]}:") or parts[5].startswith(f"{wanted[5]}@"):
            found.append((0, "tag-in-arn", gaps))
            continue
        wrong = [n for n in range(5) if not fnmatchcase(wanted[n], parts[n])]
        path = fnmatchcase(wanted[5], parts[5])
        if path and wrong == [3]:
            found.append((1, "other-region-arn", {**gaps, "seen": parts[3], "wanted": wanted[3]}))
        elif path and wrong == [4]:
            found.append((1, "other-account-arn", {**gaps, "seen": parts[4], "wanted": wanted[4]}))
        elif not wrong and parts[5].startswith("repository/"):
            found.append((2, "other-repository-arn", {**gaps, "seen": parts[5], "wanted": wanted[5]}))
        else:
            found.append((3, "other-arn", gaps))
    _, name, gaps = min(found, key=lambda one: one[0])
    return name, gaps


def _invented(scene: Scene, mine: list[Mapping[str, Any]]) -> str:
    """Return an action of these statements that no service of the lab has; "" when there is none."""
    known = {action.lower() for action in scene.lab.control.actions()}
    services = {action.partition(":")[0] for action in known}
    for action in _actions(mine):
        service = action.lower().partition(":")[0]
        wild = "*" in action or "?" in action
        exists = any(fnmatchcase(each, action.lower()) for each in known) if wild else action.lower() in known
        if service in services and not exists:
            return action
    return ""


def _actions(statements: list[Mapping[str, Any]]) -> Iterator[str]:
    for each in statements:
        value = each["statement"].get("Action", [])
        yield from [value] if isinstance(value, str) else value


def _group_without(scene: Scene, user: str, action: str) -> str:
    """Return a group whose policy names the action and that the user is not in; "" when there is none."""
    found = scene.lab.client("iam").get_account_authorization_details(Filter=["Group", "User"])
    member = {name for each in found["UserDetailList"] if each["UserName"] == user for name in each["GroupList"]}
    for group in found["GroupDetailList"]:
        if group["GroupName"] in member:
            continue
        documents = [each["PolicyDocument"] for each in group.get("GroupPolicyList", ())]
        documents += [_document(scene, each["PolicyArn"]) for each in group["AttachedManagedPolicies"]]
        for document in documents:
            statements = document.get("Statement", [])
            for one in [statements] if isinstance(statements, dict) else statements:
                if one.get("Effect") == "Allow" and any(
                    fnmatchcase(action.lower(), each.lower()) for each in _actions([{"statement": one}])
                ):
                    return str(group["GroupName"])
    return ""


def _document(scene: Scene, arn: str) -> Mapping[str, Any]:
    iam = scene.lab.client("iam")
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document: Mapping[str, Any] = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return document
