"""Reach: everything that an action can be asked about, one place for each way in which policies tell resources apart.

What exists comes first, as it tells a reader most; then freshly named resources, in this account and Region and in
others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ecrlab.aws.authorization.targets import Target, public_target, repository_target
from ecrlab.aws.cloud import Cloud, regions
from ecrlab.aws.identity.identities import Document, parsed
from ecrlab.aws.identity.managed import managed_policies
from ecrlab.home import ACCOUNT, PARTNER_ACCOUNT, REGION
from ecrlab.policy import Policy
from ecrlab.policy.words import ACCOUNT as TWELVE_DIGITS
from ecrlab.policy.words import ARN_REST, ENTITY, NAME, Words
from ecrlab.store import Repository

STRANGERS = ("111122223333", "222233334444", "333344445555", "666677778888", "888899990000")
"""Accounts that nobody in the course belongs to; AWS's documentation uses the first one (facts I049)."""


@dataclass(frozen=True)
class Place:
    """One resource that may be asked about.

    ``registry`` is the policy of its registry; ``known`` tells whether it exists; ``accepted`` which patterns match it
    (`Words.accepted`).
    """

    target: Target
    region: str
    registry: Policy | None
    known: bool
    accepted: int


def stranger(texts: str) -> str:
    """Return an account that the texts do not name."""
    return next((each for each in STRANGERS if each not in texts), "777766665555")


def accounts_in(texts: str) -> list[str]:
    """Return every account number in the texts, in order."""
    return list(dict.fromkeys(re.findall(r"(?<!\d)\d{12}(?!\d)", texts)))


class Reach:
    """The places of one asker, by the kind of thing that an action is asked about (`what_if.actions.actions`).

    ``words`` holds the patterns of all resources that policies name, ``texts`` those patterns as written, ``account``
    the asker's. ``tells`` returns what conditions say of a Region and an account, so that two of which they say
    different things are both looked at.
    """

    def __init__(
        self, cloud: Cloud, words: Words, texts: str, account: str, tells: Callable[[str, str], object]
    ) -> None:
        self._cloud = cloud
        self._words = words
        self._account = account
        self._tells = tells
        named = [account, ACCOUNT, PARTNER_ACCOUNT, *accounts_in(texts)]
        self._accounts = list(dict.fromkeys([*named, stranger(texts + " ".join(named))]))
        self._found: dict[tuple[str, str], list[Place]] = {}

    def of(self, kind: str, service: str) -> list[Place]:
        """Return the places that actions of a service are asked about; ``kind`` "foreign": any ARN of it."""
        key = (kind, service)
        if key not in self._found:
            found = list(self._places(kind, service))
            self._found[key] = [each for each in found if each.known] + [each for each in found if not each.known]
        return self._found[key]

    def _places(self, kind: str, service: str) -> Iterator[Place]:
        if kind == "*":
            yield self.place(Target("*", self._account, {}))
        elif kind == "foreign":
            yield self.place(Target("*", self._account, {}))
            yield from self._foreign(service)
        elif service == "ecr-public":
            yield from self._public(kind)
        elif service == "ecr":
            yield from self._repositories(kind)
        elif kind == "role to assume":
            for account in self._told_accounts("arn:aws:iam::", ":role/", REGION):
                yield from self._entities("role", account, trusted=True)
        else:
            for each in ("user", "group", "role") if kind == "policy source" else (kind,):
                yield from self._entities(each, self._account)

    def place(self, target: Target, region: str = REGION, known: bool = True, registry: Policy | None = None) -> Place:
        """Return a target as a place."""
        return Place(target, region, registry, known, self._words.accepted(self._words.after(target.arn)))

    # ---------------------------------------------------------------------------------------------------- repositories

    def _repositories(self, kind: str) -> Iterator[Place]:
        cloud = self._cloud
        there: dict[tuple[str, str], dict[str, Repository]] = {}
        for key in cloud.store.registries():
            account, _, region = key.partition("/")
            if region in regions():
                there[region, account] = {each.name: each for each in cloud.store.repositories(key)}
        for key, settings in cloud.settings.items():
            account, _, region = key.partition("/")
            if settings.get("policy"):
                there.setdefault((region, account), {})
        for region, account in self._registries(there):
            registry = cloud.registry_policy(account, region)
            known = there.get((region, account), {})
            for name, found in known.items():
                yield self.place(repository_target(cloud, account, region, name, found), region, registry=registry)
            stem = f"arn:aws:ecr:{region}:{account}:repository/"
            if kind == "repositories":  # asked when a request names none
                yield self.place(Target(stem + "*", account, {}), region, registry=registry)
            for accepted, name in self._words.each(NAME, self._words.after(stem)).items():
                if name in known:
                    continue
                yield Place(repository_target(cloud, account, region, name), region, registry, False, accepted)

    def _registries(self, there: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """Region and account of every registry that is there, and of one for each way to tell others apart."""
        first = dict.fromkeys([REGION, *(region for region, _ in there), "eu-west-1", *sorted(regions())])
        seen: set[object] = set()
        front = self._words.after("arn:aws:ecr:")
        for region in first:
            state = self._words.after(region + ":", front)
            here = {account for where, account in there if where == region}
            told = tuple(self._tells(region, account) for account in self._accounts)
            # A Region where something exists stands for no other: what exists is not what may be made.
            if not here:
                if (state, told) in seen:
                    continue
                seen.add((state, told))
            for account in self._told_accounts(f"arn:aws:ecr:{region}:", ":repository/", region, here):
                yield region, account

    def _told_accounts(self, front: str, back: str, region: str, here: set[str] | None = None) -> list[str]:
        """The accounts that are there, and one for each way to tell others apart."""
        state = self._words.after(front)
        further = self._words.states(TWELVE_DIGITS, state).values()
        seen: set[object] = set()
        found = []
        for account in [*self._accounts, *further]:
            told = (self._words.after(account + back, state), account == self._account, self._tells(region, account))
            if told not in seen or account in (here or ()):
                found.append(account)
            seen.add(told)
        return list(dict.fromkeys([*found, *sorted(here or ())]))

    def _public(self, kind: str) -> Iterator[Place]:
        cloud = self._cloud
        if kind == "public registry":
            account = self._account
            yield self.place(Target(f"arn:aws:ecr-public::{account}:registry/{account}", account, {}))
            return
        for account in self._told_accounts("arn:aws:ecr-public::", ":repository/", REGION):
            known = [each.name for each in cloud.store.repositories(f"{account}/public")]
            for name in known:
                yield self.place(public_target(cloud, account, name))
            stem = f"arn:aws:ecr-public::{account}:repository/"
            if kind == "public repositories":
                yield self.place(Target(stem + "*", account, {}))
            for accepted, name in self._words.each(NAME, self._words.after(stem)).items():
                if name not in known:
                    yield Place(public_target(cloud, account, name), REGION, None, False, accepted)

    # ------------------------------------------------------------------------------------------------ IAM and the rest

    def _entities(self, kind: str, account: str, trusted: bool = False) -> Iterator[Place]:
        plural = {"policy": "policies", "oidc provider": "oidc_providers"}.get(kind, f"{kind}s")
        known = set()
        for each in self._cloud.identities.all(plural, account):
            known.add(each["arn"])
            yield self.place(Target(each["arn"], account, each.get("tags", {}), _trust(each, trusted)))
        stem = f"arn:aws:iam::{account}:{kind.replace(' ', '-')}/"
        for accepted, name in self._words.each(ENTITY, self._words.after(stem)).items():
            if stem + name not in known:
                yield Place(Target(stem + name, account, {}), REGION, None, False, accepted)
        if kind == "policy":
            names = [arn.removeprefix("arn:aws:iam::aws:policy/") for arn in managed_policies()]
            stem = "arn:aws:iam::aws:policy/"
            for accepted, name in self._words.each(ENTITY, self._words.after(stem), names).items():
                yield Place(Target(stem + name, account, {}), REGION, None, name in names, accepted)

    def _foreign(self, service: str) -> Iterator[Place]:
        stem = f"arn:aws:{service}:"
        for accepted, rest in self._words.each(ARN_REST, self._words.after(stem)).items():
            region, account, _ = rest.split(":", 2)
            yield Place(Target(stem + rest, account or self._account, {}), region or REGION, None, False, accepted)


def _trust(entity: Document, wanted: bool) -> Policy | None:
    return parsed(entity["trust"], "trust") if wanted else None
