"""The actions that may be asked about, and how somebody may write them."""

from __future__ import annotations

import difflib
from functools import cache

from ecrlab.aws.authorization.rules import RULES
from ecrlab.aws.sts import bearers
from ecrlab.aws.what_if.errors import Unanswerable

# Permissions that no API operation carries the name of (facts iam.md 10).
_PERMISSIONS_ONLY = {
    "ecr:BatchImportUpstreamImage": "repository",
    "ecr:ReplicateImage": "repository",
    "iam:PassRole": "role",
    bearers.ACTION: "role to assume",
    "sts:TagSession": "role to assume",
    "sts:SetSourceIdentity": "role to assume",
    "sts:GetServiceBearerToken": "*",
}


@cache
def actions() -> dict[str, str]:
    """Return every action of the lab's services, as IAM writes it, with the kind of thing it is asked about."""
    known = {action: rule.target for rule in RULES.values() for action in rule.actions}
    return dict(sorted((_PERMISSIONS_ONLY | known).items()))


@cache
def _by_lower() -> dict[str, str]:
    return {action.lower(): action for action in actions()}


def action_named(text: str) -> str:
    """Return the action that ``text`` names, with or without its service, in whatever case.

    Raises Unanswerable with the nearest names when there is none.
    """
    if text in actions():
        return text
    wanted = text.strip().lower()
    candidates = [wanted] if ":" in wanted else [f"{service}:{wanted}" for service in ("ecr", "iam", "sts")]
    for candidate in candidates:
        if candidate in _by_lower():
            return _by_lower()[candidate]
    if "*" in wanted or "?" in wanted:
        raise Unanswerable(f"A request has one action; {text!r} is a pattern. Ask for one, such as ecr:PutImage.")
    services = sorted({action.partition(":")[0] for action in actions()})
    service = candidates[0].partition(":")[0]
    if service not in services:
        raise Unanswerable(f"The lab has no service {service!r}. It has {', '.join(services)}.", "action")
    near = near_actions(candidates[0])
    like = f" Near to it: {', '.join(near)}." if near else ""
    raise Unanswerable(f"There is no action {text!r}.{like} All of them: ecrlab can --actions", "action")


def near_actions(text: str) -> list[str]:
    """Return up to four actions whose names look like ``text``, nearest first."""
    wanted = text.lower()
    service = wanted.partition(":")[0] + ":"
    names = [name for name in _by_lower() if name.startswith(service)] or list(_by_lower())
    return [_by_lower()[name] for name in difflib.get_close_matches(wanted, names, n=4, cutoff=0.6)]
