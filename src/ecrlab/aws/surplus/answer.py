"""The answer: all looks at a wish, the witness that tells most, and what is to be said beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ecrlab.aws.cloud import Cloud
from ecrlab.aws.surplus.acts import FEDERATED, wild
from ecrlab.aws.surplus.callers import Asker, at_door, named, subject
from ecrlab.aws.surplus.look import Hit, Look
from ecrlab.aws.surplus.pieces import piece
from ecrlab.aws.surplus.reach import Place, Reach
from ecrlab.aws.surplus.wish import Wish, compiled, principal_entry
from ecrlab.aws.what_if.actions import actions
from ecrlab.aws.what_if.callers import principal_named
from ecrlab.aws.what_if.errors import Unanswerable
from ecrlab.aws.what_if.resources import target_named
from ecrlab.home import ACCOUNT
from ecrlab.policy import Policy, Statement, explain
from ecrlab.policy.pattern import Style
from ecrlab.policy.principal import Caller, Kind
from ecrlab.policy.wanted import Wanted, wanted_from
from ecrlab.policy.words import Words

NOTHING, WIDER, UNKNOWN = "nothing wider", "wider", "cannot tell"


@dataclass
class _Found:
    """What came of all looks."""

    hits: list[tuple[Hit, Look]] = field(default_factory=list)
    remarks: list[dict[str, Any]] = field(default_factory=list)
    missing: list[dict[str, Any]] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)
    tried: int = 0

    def add(self, look: Look, hits: Iterable[Hit]) -> bool:
        """Take a look's hits; tell whether there were any."""
        before = len(self.hits)
        self.hits += [(hit, look) for hit in hits]
        self.unsure += look.unsure
        self.tried += look.tried
        return len(self.hits) > before


def beyond(cloud: Cloud, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the control interface's POST beyond: {"wanted": `ecrlab.policy.wanted.Wanted.to_json`}.

    Keys: verdict ("nothing wider", "wider" or "cannot tell"), surplus (the witness that tells most, in the parts of
    `pieces.piece`; None when nothing is wider), count (witnesses found), remarks (what is written wider and opens
    nothing, each with kind "boundary", "session" or "partition", and text), missing (what was wanted and is refused:
    principal, who, action, resource, reason, explanation), why (what was not looked at; "" when all was), tried
    (requests decided).

    Raises Unanswerable for what cannot be made out.
    """
    try:
        wanted = wanted_from(body.get("wanted"))
    except ValueError as error:
        raise Unanswerable(str(error)) from None
    wish = compiled(cloud, wanted)
    now = cloud.clock.time()
    found = _Found()
    spoken = _resource_policies(cloud)
    for text in wanted.who:
        _from_inside(cloud, now, subject(cloud, text), wish, spoken, wanted.within, found)
    for place in _doors(cloud, wanted):
        _from_outside(cloud, now, place, wish, found)
    _missing(cloud, now, wanted, wish, spoken, found)
    best = min(found.hits, key=lambda each: each[0].score, default=None)
    why = "; ".join(dict.fromkeys(found.unsure))
    verdict = WIDER if best is not None else UNKNOWN if why else NOTHING
    return {
        "verdict": verdict,
        "surplus": None if best is None else piece(*best),
        "count": len(found.hits),
        "remarks": found.remarks,
        "missing": found.missing,
        "why": why if verdict == UNKNOWN else "",
        "tried": found.tried,
    }


def _resource_policies(cloud: Cloud) -> list[Policy]:
    """Every policy of a repository, a registry and a role in the lab."""
    found: dict[int, Policy] = {}
    places = Reach(cloud, Words((), Style.ARN), "", ACCOUNT, lambda region, account: None)
    kinds = (("repository", "ecr"), ("public repository", "ecr-public"), ("role to assume", "sts"))
    for kind, service in kinds:
        for place in places.of(kind, service):
            for policy in (place.target.policy, place.registry):
                if policy is not None:
                    found[id(policy)] = policy
    return list(found.values())


def _speak_of(policies: Iterable[Policy], who: Caller) -> list[Policy]:
    def about(statement: Statement) -> bool:
        return statement.not_principals is not None or bool(named(statement, who))

    return [policy for policy in policies if any(map(about, policy.statements))]


def _from_inside(
    cloud: Cloud, now: float, asker: Asker, wish: Wish, spoken: list[Policy], within: tuple[str, ...], found: _Found
) -> None:
    """Look at all that a principal may do, everywhere."""

    def look(who: Asker) -> Look:
        return Look(cloud, now, who, wish, _speak_of(spoken, who.caller), within=within)

    def asked(action: str, kind: str) -> bool:
        return action not in FEDERATED

    first = look(asker)
    found.remarks += _partitions(asker)
    if found.add(first, first.hits(asked)):
        return
    for kind, held, freed in (
        ("boundary", asker.boundary, replace(asker, boundary=None)),
        ("session", asker.session, replace(asker, session=None)),
    ):
        if held is None:
            continue
        without = look(freed)
        best = min(without.hits(asked), key=lambda hit: hit.score, default=None)
        if best is not None:
            found.remarks.append(_held_back(kind, asker, best, without))


def _held_back(kind: str, asker: Asker, hit: Hit, look: Look) -> dict[str, Any]:
    named = asker.boundary.name if kind == "boundary" and asker.boundary is not None else ""
    held = f"the permissions boundary {named}" if kind == "boundary" else "the session policy"
    found = piece(hit, look)
    text = f"{found['what']} is held back only by {held}: {found['opened_by']} allows it."
    return {"kind": kind, **found, "text": text}


def _partitions(asker: Asker) -> Iterator[dict[str, Any]]:
    """A star for the partition opens nothing: an account belongs to one, and IAM takes no other (facts A050)."""
    for attached in asker.identity:
        for statement in attached.policy.statements:
            for text in statement.resources.values if statement.resources and statement.effect == "Allow" else ():
                if text.count(":") > 1 and wild(text.split(":")[1]):
                    words = (
                        f"{text} leaves the partition open. That opens nothing: an account belongs to one partition."
                    )
                    yield {"kind": "partition", "resource": text, "policy": attached.name, "text": words}


def _doors(cloud: Cloud, wanted: Wanted) -> Iterator[tuple[Place, str]]:
    """The resources whose own policies are looked at, each with its kind."""
    anybody = principal_named(cloud, "root")
    given = wanted.doors
    if given is None:
        literal = [text for grant in wanted.may for text in grant.resources if not wild(text)]
        given = tuple(
            dict.fromkeys(text for text in literal if re.match(r"arn:aws:ecr:[^:]+:\d{12}:repository/", text))
        )
    for text in given:
        kind = "sts:AssumeRole" if re.search(r"(^|:)role/", text) else "ecr:BatchGetImage"
        target, region, _ = target_named(cloud, kind, text, anybody)
        registry = cloud.registry_policy(target.account, region) if ":ecr:" in target.arn else None
        yield Place(target, region, registry, True, 0), actions()[kind]


def _from_outside(cloud: Cloud, now: float, door: tuple[Place, str], wish: Wish, found: _Found) -> None:
    """Look at whom a resource's own policy lets in, and for what, each by this half alone."""
    place, kind = door
    policies = [each for each in (place.target.policy, place.registry) if each is not None]
    service = "sts" if kind == "role to assume" else "ecr"
    conditions = [each for policy in policies for statement in policy.statements for each in statement.conditions]
    if any(each.lookup == "aws:userid" for each in conditions):
        found.unsure.append(f"a condition of {place.target.arn} is about aws:userid, and callers' ids are not made up")
    for asker in at_door(place.target.account, policies, wish) if policies else ():
        provider = asker.caller.kind is Kind.PROVIDER

        def asked(action: str, of: str, provider: bool = provider) -> bool:
            if service == "sts":
                return of == kind and (action in FEDERATED) is provider
            return action.startswith("ecr:") and of in ("repository", "repositories", "arn")

        look = Look(cloud, now, asker, wish, policies, door=True)
        here = look.reach.place(place.target, place.region, registry=place.registry)
        beside = [
            each
            for each in (look.reach.of("repository", "ecr") if place.registry is not None else ())
            if not each.known and each.registry is place.registry
        ]
        found.add(look, look.hits(asked, [here, *beside]))


def _missing(
    cloud: Cloud, now: float, wanted: Wanted, wish: Wish, spoken: list[Policy], found: _Found, most: int = 8
) -> None:
    """Ask for what was wanted, of each sentence one that exists and one that does not."""
    people = dict.fromkeys(text for grant in wanted.may for text in grant.who or wanted.who)
    for text in people:
        if principal_entry(cloud, text)[0] != "AWS" or text == "*" or text.isdigit():
            continue
        asker = subject(cloud, text)
        look = Look(cloud, now, asker, wish, _speak_of(spoken, asker.caller))
        for action, place, decision in look.refused():
            if len(found.missing) < most:
                found.missing.append(
                    {
                        "principal": asker.arn,
                        "who": asker.name,
                        "action": action,
                        "resource": place.target.arn,
                        "reason": decision.context_text or decision.message,
                        "explanation": explain(decision),
                    }
                )
