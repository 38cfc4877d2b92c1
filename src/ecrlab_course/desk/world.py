"""The state of the town, and what differs between two states: what is open wider, lost, gone, put back or lifted.

Three snapshots tell them apart. *Town* is before the seed: what has to work. *Dealt* is when the ticket is dealt: what
nobody has to answer for. *Now* is when somebody asks whether it is fixed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ecrlab.home import ACCOUNT, REGION
from ecrlab_course.desk.incident import Incident
from ecrlab_course.desk.town import PARTNER, THIRD, Door, Stock, Town, arn, role, user
from ecrlab_course.messages import say

MOST = 2000
"""Questions in one call to IAM."""
REGIONS = (REGION, "eu-west-1", "eu-central-1")
UNMADE = "zz-new"
"""The name of a repository that nobody has made yet."""
PLACES = (
    *(arn(name) for name in ("web/booking", "web/prices", f"web/{UNMADE}", "webhooks", "base/httpd", "dev/booking")),
    arn(UNMADE),
    arn("web/booking", "eu-west-1"),
)
"""What actions on repositories are asked about: those that are there, and two that nobody has made yet."""
HERE = (*(arn(name) for name in ("web/booking", "web/prices", "base/httpd", "dev/booking", "webhooks")), "*")
"""Places that everybody in the town knows: a witness is taken from these where there is one."""
OUTSIDERS = (user("partner", PARTNER), user("admin", THIRD))
"""Whoever is not of this account: the map company, and a third company that was never let in."""
HANDING_OUT = (
    "iam:CreateUser", "iam:PutUserPolicy", "iam:CreateAccessKey", "iam:AttachUserPolicy", "iam:UpdateAssumeRolePolicy",
    "iam:PassRole", "cloudtrail:LookupEvents", "ecr-public:PutImage",
)  # fmt: skip
"""Permissions over permissions, and one of each service beside."""
ASSUME = "sts:AssumeRole"
SECRET = re.compile(r"(?:^|\s)(?:-p|--password)[ =](?!-)\S{20,}|\beyJ[\w+/=-]{20,}|\b(?:AKIA|ASIA)[A-Z0-9]{12,}", re.M)
"""A token or a key, as it stands in a job."""
WRITTEN = ("jobs", "app", "deploy")
"""Folders whose files are looked through for secrets."""
_LOCKS = ("MUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION", "IMMUTABLE")
_TELLING = (
    "ecr:DeleteRepository", "ecr:BatchDeleteImage", "ecr:SetRepositoryPolicy", "ecr:PutImage", "iam:PutUserPolicy",
    "sts:AssumeRole", "ecr:CreateRepository", "ecr:InitiateLayerUpload", "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer", "ecr:GetAuthorizationToken",
)  # fmt: skip


@dataclass(frozen=True)
class World:
    """One snapshot."""

    allowed: frozenset[Door]
    stock: Mapping[str, Mapping[str, Stock]]
    """The repositories of each Region."""
    offset: float
    """How far the lab's clock is ahead, in seconds."""
    limits: Mapping[str, Any]
    """The hub's pull limits."""
    quotas: Mapping[str, Any]
    secrets: frozenset[str]
    """The files in which a token or a key stands."""

    def to_json(self) -> dict[str, Any]:
        """Return it as an object of JSON's types."""
        stock = {
            region: {name: [each.mutability, dict(each.tags)] for name, each in held.items()}
            for region, held in self.stock.items()
        }
        return {
            "allowed": packed(self.allowed), "stock": stock, "offset": self.offset, "limits": dict(self.limits),
            "quotas": dict(self.quotas), "secrets": sorted(self.secrets),
        }  # fmt: skip

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> World:
        """Return what `to_json` was given."""
        stock = {region: {name: Stock(*each) for name, each in held.items()} for region, held in found["stock"].items()}
        return cls(
            unpacked(found["allowed"]), stock, float(found["offset"]), found["limits"], found["quotas"],
            frozenset(found["secrets"]),
        )  # fmt: skip


def packed(doors: Iterable[Door]) -> dict[str, dict[str, list[str]]]:
    """Return doors as a table that a file can keep: {principal: {action: [resources]}}."""
    found: dict[str, dict[str, list[str]]] = {}
    for principal, action, resource in sorted(doors):
        found.setdefault(principal, {}).setdefault(action, []).append(resource)
    return found


def unpacked(found: Mapping[str, Mapping[str, Sequence[str]]]) -> frozenset[Door]:
    """Return the doors of a table that `packed` made."""
    return frozenset(
        (principal, action, resource)
        for principal, actions in found.items()
        for action, resources in actions.items()
        for resource in resources
    )


# Taking a snapshot --------------------------------------------------------------------------------------------------


def allowed(town: Town) -> frozenset[Door]:
    """Return every door that is open now, of those that are asked about."""
    control = town.lab.control
    questions = list(_questions(town, control.actions()))
    found: set[Door] = set()
    for begin in range(0, len(questions), MOST):
        part = questions[begin : begin + MOST]
        found.update(door for door, is_open in zip(part, control.allowed(part), strict=True) if is_open)
    return frozenset(found)


def _questions(town: Town, actions: Mapping[str, str]) -> Iterator[Door]:
    iam = town.iam
    users = [each["UserName"] for page in iam.get_paginator("list_users").paginate() for each in page["Users"]]
    pages = iam.get_paginator("list_roles").paginate()
    roles = [each["RoleName"] for page in pages for each in page["Roles"] if "/aws-service-role/" not in each["Path"]]
    ours = [*(f"user/{name}" for name in users if name != "admin"), *(f"role/{name}" for name in roles)]
    of_ecr = {action: kind for action, kind in actions.items() if action.startswith("ecr:")}
    for who in (*ours, *OUTSIDERS):
        for action, kind in of_ecr.items():
            if kind != "*":
                yield from ((who, action, place) for place in PLACES)
            elif who in ours:
                yield who, action, "*"
        yield from ((who, ASSUME, role(name)) for name in roles)
    yield from ((who, action, "*") for who in ours for action in HANDING_OUT if action in actions)


def snapshot(town: Town) -> World:
    """Return the state of the town; nothing of it is seen in the X-ray."""
    control = town.lab.control
    stocks = town.stocks()
    return World(
        allowed=allowed(town),
        stock={region: stocks.get(region, {}) for region in REGIONS},
        offset=float(control.status()["clock"]["offset_seconds"]),
        limits=control.hub().get("limits") or {},
        quotas={quota["name"]: quota["value"] for quota in control.quotas()["quotas"]},
        secrets=_secrets(town),
    )


def _secrets(town: Town) -> frozenset[str]:
    """Return the files of the folder in which a token or a key stands; docker's own configuration is none of them."""
    found = set()
    for folder in WRITTEN:
        for path in sorted((town.folder / folder).rglob("*")):
            if path.is_file() and path.name != "config.json" and path.stat().st_size < 200_000:
                text = path.read_text(encoding="utf-8", errors="replace")
                if SECRET.search(text):
                    found.add(path.relative_to(town.folder).as_posix())
    return frozenset(found)


# Comparing two ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """One thing that is not as it should be: the verdict's name, the message that says it, and what fills its gaps."""

    name: str
    message: str
    gaps: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Bounds:
    """What a ticket is held against: what has to be open, and what may be; the state when it was dealt."""

    needed: frozenset[Door]
    ceiling: frozenset[Door]
    dealt: World


@dataclass(frozen=True)
class Party:
    """One ticket of those that are open together: its incident, its town, its cause, and what its seed shut."""

    incident: Incident
    town: Town
    cause: str
    shut: frozenset[Door]


def bounds(party: Party, others: Sequence[Party], before: frozenset[Door], dealt: World) -> Bounds:
    """Return what a ticket is held against, where `others` were dealt with it into the same town.

    `before` is what was open in the healthy town. What the seed of another ticket shut is not this one's loss.
    """
    opened = frozenset(door for door in dealt.allowed if party.incident.must_go(party.town, door))
    return Bounds(
        needed=(before & dealt.allowed) | (before & party.shut),
        ceiling=(before | dealt.allowed) - (opened - before),
        dealt=dealt,
    )


def differences(party: Party, others: Sequence[Party], held: Bounds, now: World) -> Iterator[Found]:
    """Yield what is open wider, lost, gone or lifted now, in the order in which it is said."""
    everybody = (party, *others)
    wider = {
        door for door in now.allowed - held.ceiling if not any(each.incident.may(each.town, door) for each in everybody)
    }
    if wider:
        yield _wider(party.town, wider)
    gone = {pair for each in everybody for pair in each.incident.gone(each.town)}
    yield from _things(held.dealt, now, gone)
    lost = {
        door
        for door in held.needed - now.allowed
        if not any(each.incident.may_lose(each.town, door) for each in everybody)
    }
    if lost:
        # What was shut when the ticket came is none of the learner's doing.
        taken = lost & held.dealt.allowed
        who, action, resource = _witness(taken or lost)
        key = "desk.lost" if taken else "desk.lost_still"
        yield Found("lost", key, {"who": person(who), "action": action, "resource": place(resource)})
    for door in party.incident.guards(party.town, party.cause):
        if not party.town.is_denied(door):
            who, action, resource = door
            yield Found("guard", "desk.guard", {"who": person(who), "action": action, "resource": place(resource)})
    if now.offset < held.dealt.offset - 1:
        yield Found("clock", "desk.clock")
    if now.limits != held.dealt.limits:
        yield Found("limits", "desk.limits_hub")
    if now.quotas != held.dealt.quotas:
        changed = next(name for name in now.quotas if now.quotas[name] != held.dealt.quotas.get(name))
        yield Found("limits", "desk.limits_quota", {"quota": changed})
    for name in sorted(now.secrets - held.dealt.secrets):
        yield Found("secret", "desk.secret", {"file": name})


def _witness(doors: Iterable[Door]) -> Door:
    """Return the door that tells most."""

    def rank(door: Door) -> tuple[int, bool, bool, bool, Door]:
        known = _TELLING.index(door[1]) if door[1] in _TELLING else len(_TELLING)
        is_role = door[0].startswith("role/")  # That a role may assume itself tells less than who else may.
        return known, door[0] in OUTSIDERS, is_role, door[2] not in HERE, door

    return min(doors, key=rank)


def _wider(town: Town, doors: set[Door]) -> Found:
    who, action, resource = door = _witness(doors)
    rows = [row for row in town.decide(door).get("statements", ()) if row["decided"]]
    by = {"statement": str(rows[0]["label"]), "policy": str(rows[0]["origin"])} if rows else {}
    gaps = {"who": person(who), "action": action, "resource": place(resource), "count": str(len(doors)), **by}
    if action == ASSUME:
        return Found("wider", "desk.wider_role", {**gaps, "role": resource.rpartition("/")[2]})
    return Found("wider", "desk.wider" if by else "desk.wider_alone", gaps)


def _things(dealt: World, now: World, gone: set[tuple[str, str | None]]) -> Iterator[Found]:
    """Yield what is gone or changed of repositories and tags, without what the tickets themselves take away."""
    for region, repositories in dealt.stock.items():
        there = now.stock.get(region, {})
        where = "" if region == REGION else region
        for name, before in repositories.items():
            if (name, None) in gone:
                continue
            shown = f"{region} {name}" if where else name
            if name not in there:
                yield Found("things", "desk.things_repository", {"thing": shown})
                continue
            if _loosened(before.mutability, there[name].mutability):
                yield Found("things", "desk.things_loose", {"thing": shown})
            for tag, digest in before.tags.items():
                found = there[name].tags.get(tag)
                if found != digest and (name, tag) not in gone:
                    key = "desk.things_changed" if found else "desk.things_gone"
                    yield Found("things", key, {"thing": f"{shown}:{tag}"})


def tightened(dealt: World, now: World) -> Iterator[Found]:
    """Yield the repositories whose tags could all be overwritten when the ticket was dealt, and cannot now.

    Where something is wrong a lock may be part of the fix; where nothing is, it is one more surprise for somebody.
    """
    for region, repositories in dealt.stock.items():
        for name, before in repositories.items():
            found = now.stock.get(region, {}).get(name)
            if found and before.mutability == "MUTABLE" and found.mutability.startswith("IMMUTABLE"):
                shown = name if region == REGION else f"{region} {name}"
                yield Found("things", "desk.things_locked", {"thing": shown})


def _loosened(before: str, now: str) -> bool:
    """Tell whether tags can be overwritten now that could not. An exclusion is the incident's own affair."""
    return _LOCKS.index(now) < _LOCKS.index(before) and not (
        before == "IMMUTABLE" and now == "IMMUTABLE_WITH_EXCLUSION"
    )


def person(who: str) -> str:
    """Return a principal as a message names it: the key of a person in [desk], or the name itself."""
    if who in OUTSIDERS:
        return "partner" if who == OUTSIDERS[0] else "third"
    return who.removeprefix("user/")


def place(resource: str) -> str:
    """Return a resource as a message names it: web/booking, eu-west-1 web/booking, a new repository web/…, "*"."""
    if not resource.startswith("arn:"):
        return resource
    _, _, _, region, account, name = resource.split(":", 5)
    name = name.removeprefix("repository/")
    if name.endswith(UNMADE):
        folder = name.removesuffix(UNMADE)
        return say("desk.new_in", folder=folder) if folder else say("desk.new")
    return name if region in ("", REGION) and account in ("", ACCOUNT) else f"{region} {name}"
