"""06-e10: six small worlds, decided by IAM when they are judged. What a learner reads is in e10.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecrlab.policy.sets import PULL, PUSH
from ecrlab_course.authoring import Lab

from .state import ACCOUNT, APP, LOGIN, PARTNER, allow, arn, document, let, user_arn

BEGIN, FETCH = "ecr:InitiateLayerUpload", "ecr:BatchGetImage"
EVERYTHING, NEVER = allow("*", "*"), {**allow(BEGIN, "*"), "Effect": "Deny"}


def world(*own: Mapping[str, Any], thing: object = None, fence: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the only policies of a world: the person's and its groups', the repository's principal, the boundary."""
    return {
        "identity": [document(statement) for statement in own],
        "resource": None if thing is None else document(let(thing, FETCH)),
        "boundary": None if fence is None else document(fence),
    }


WORLDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "one": ("ops", BEGIN, world(EVERYTHING, NEVER)),
    "two": ("auditor", FETCH, world(LOGIN, thing={"AWS": user_arn("auditor")})),
    "three": ("auditor", FETCH, world(LOGIN, thing={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})),
    "four": ("ci", BEGIN, world(allow(PUSH, "*"), fence=allow(PULL, "*"))),
    "five": ("ci", BEGIN, world(LOGIN, fence=EVERYTHING)),
    "six": ("partner", FETCH, world(LOGIN, thing={"AWS": PARTNER})),
}


def right(lab: Lab) -> dict[str, str]:
    """Let IAM decide each world as if these were the only policies; return the place of each."""
    places = {}
    for name, (who, action, policies) in WORLDS.items():
        answer = lab.control.decide(who, action, arn(APP), policies=policies)
        forbidden = answer["verdict"] == "ExplicitlyDenied"
        places[name] = "allowed" if answer["allowed"] else "deny" if forbidden else "nobody"
    return places
