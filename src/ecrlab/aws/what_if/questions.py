"""A question made out: who, about what, with which policies; and what its answer hangs on."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial

from ecrlab.aws.authorization.ask import Held, asks_registry, in_force
from ecrlab.aws.authorization.keys import condition_keys
from ecrlab.aws.authorization.targets import Target
from ecrlab.aws.cloud import Cloud
from ecrlab.aws.context import RequestContext
from ecrlab.aws.identity.identities import Principal
from ecrlab.aws.sts import bearers
from ecrlab.aws.what_if.actions import action_named, actions
from ecrlab.aws.what_if.callers import principal_named
from ecrlab.aws.what_if.edits import Edit, edited, replaced
from ecrlab.aws.what_if.errors import Unanswerable
from ecrlab.aws.what_if.resources import target_named
from ecrlab.policy import Decision, Policies, Policy, Request, evaluate
from ecrlab.policy.pattern import variables

MOMENT = ("aws:currenttime", "aws:epochtime")
"""The condition keys that are another at each question."""


@dataclass(frozen=True)
class Asking:
    """A question that was made out: who, about what, with which policies."""

    principal: Principal
    request: Request
    policies: Policies
    notes: list[str]

    def decide(self) -> Decision:
        return evaluate(self.request, self.policies)


class Reading:
    """What one call's questions are about, each thing read once: a matrix asks for the same few again and again.

    All of a call is decided by what stood there when its first question needed it.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.principal = cache(partial(principal_named, cloud))
        self._registry = cache(cloud.registry_policy)
        self._targets: dict[tuple[str, str, str], tuple[Target, str, list[str]]] = {}
        self._held: dict[str, Held] = {}
        self._askers: dict[str, object | None] = {}
        self._things: dict[tuple[str, str, str, bool], object | None] = {}

    def target(self, action: str, text: str | None, principal: Principal) -> tuple[Target, str, list[str]]:
        """Return what `target_named` returns."""
        key = _same_target(action, text, principal)
        if key not in self._targets:
            self._targets[key] = target_named(self.cloud, action, text, principal)
        return self._targets[key]

    def held(self, name: str) -> Held:
        """Return the policies that the principal of that name holds."""
        if name not in self._held:
            self._held[name] = self.cloud.identities.policies_of(self.principal(name))
        return self._held[name]

    def policies(self, name: str, action: str, target: Target, region: str) -> Policies:
        """Return the policies in force when the principal of that name asks."""
        registry = self._registry(target.account, region) if asks_registry(action, target) else None
        return in_force(self.held(name), target, registry)

    def hangs_on(self, name: str, action: str, text: str) -> tuple[object, str, object] | None:
        """Return a name for all that the answer to a question hangs on: as long as that is alike, it is the same.

        None where the answer may change with the time alone.
        """
        principal = self.principal(name)
        if name not in self._askers:
            identity, boundary, session = self.held(name)
            policies = (*(each.policy for each in identity), boundary.policy if boundary else None, session)
            self._askers[name] = _one(
                policies, principal.kind, principal.arn, principal.account, frozenset(principal.context.items())
            )
        key = (*_same_target(action, text, principal), action.startswith("ecr:"))
        if key not in self._things:
            target, region, _ = self.target(action, text, principal)
            registry = self._registry(target.account, region) if asks_registry(action, target) else None
            tags = frozenset(target.tags.items())
            self._things[key] = _one((target.policy, registry), target.arn, target.account, region, tags)
        who, what = self._askers[name], self._things[key]
        return None if who is None or what is None else (who, action, what)


def _same_target(action: str, text: str | None, principal: Principal) -> tuple[str, str, str]:
    """Return what names a target: an ARN of a repository stands for itself, whatever is asked about it."""
    if text and text.startswith("arn:aws:ecr:") and actions()[action] not in ("*", "none"):
        return "", text, ""
    return action, text or "*", principal.account


def _one(policies: tuple[Policy | None, ...], *facts: Hashable) -> object | None:
    """Return one object for equal policies and facts; None where a policy speaks of the time."""
    if any(policy is not None and _speaks_of_time(policy) for policy in policies):
        return None
    return _interned(policies, *facts)


@lru_cache(maxsize=2048)
def _interned(*_facts: Hashable) -> object:
    return object()


@lru_cache(maxsize=4096)
def _speaks_of_time(policy: Policy) -> bool:
    for statement in policy.statements:
        texts = [*(statement.resources.values if statement.resources else ())]
        for condition in statement.conditions:
            if condition.key.lower() in MOMENT:
                return True
            texts += condition.values
        if any(key.lower() in MOMENT for text in texts for key in variables(text)):
            return True
    return False


def asking(read: Reading, given: object, edits: Iterable[Edit] = ()) -> Asking:
    """Make out one question: {"principal", "action", "resource", "context"?, "policies"?}; raises Unanswerable."""
    if not isinstance(given, Mapping):
        raise Unanswerable('A question is an object with "principal", "action" and "resource".')
    for name in ("principal", "action"):
        if not isinstance(given.get(name), str):
            raise Unanswerable(f"A question needs {name!r}, a text.")
    if not isinstance(given.get("resource", ""), str):
        raise Unanswerable("'resource' is a text: a repository's name, an ARN, or *.")
    principal = read.principal(given["principal"])
    action = action_named(given["action"])
    if principal.kind == "web identity" and action != bearers.ACTION:
        raise Unanswerable(f"A token is good for one request, {bearers.ACTION}. What comes of it, ask for the role.")
    target, region, notes = read.target(action, given.get("resource"), principal)
    circumstances = RequestContext(region, read.cloud.clock.time(), "127.0.0.1", "ecrlab")
    told = condition_keys(principal.context, action, target, circumstances)
    policies = read.policies(given["principal"], action, target, region)
    policies = edited(read.cloud, principal, target, policies, edits)
    if "policies" in given:
        policies = replaced(policies, given["policies"])
    context = {**told, **_context(given.get("context"))}
    context = {key: value for key, value in context.items() if value not in ("", ())}
    request = Request(principal.arn, action, target.arn, target.account, context)
    return Asking(principal, request, policies, notes)


def _context(given: object) -> dict[str, str | tuple[str, ...]]:
    """The keys of a question; null takes one away."""
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(":" in str(key) for key in given):
        raise Unanswerable('context is an object of condition keys, such as {"aws:SourceIp": "192.0.2.1"}.')
    read: dict[str, str | tuple[str, ...]] = {}
    for key, value in given.items():
        if value is None:
            read[str(key)] = ""
        elif isinstance(value, list):
            read[str(key)] = tuple(str(each) for each in value)
        else:
            read[str(key)] = str(value).lower() if isinstance(value, bool) else str(value)
    return read
