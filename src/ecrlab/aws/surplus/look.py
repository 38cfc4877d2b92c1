"""A look: everything that one caller may do at all places, beside the wish."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from ecrlab.aws.authorization.keys import condition_keys
from ecrlab.aws.cloud import Cloud, regions
from ecrlab.aws.context import RequestContext
from ecrlab.aws.surplus.acts import FOREIGN, Group, asked, covered, groups, keys, services, telling, tier, wild
from ecrlab.aws.surplus.callers import EVERYTHING, OF_CALLER, Asker
from ecrlab.aws.surplus.reach import Place, Reach
from ecrlab.aws.surplus.wish import Wish
from ecrlab.policy import Decision, Mismatch, Policies, Policy, Request, Statement, evaluate, read_policy
from ecrlab.policy.condition import Condition
from ecrlab.policy.pattern import Context, Style, Variable, Wild, pattern
from ecrlab.policy.sets import PULL
from ecrlab.policy.situations import Situations
from ecrlab.policy.words import TooManyWords, Words

# The half of a question that is not looked at says yes: the policy of another account's resource lets everybody in.
_OPEN = read_policy({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*"}]}, "resource")
_ELSEWHERE = "000000000000"
# Which actions bring which keys (facts iam.md 10; STS and IAM API references); other keys may be in any request.
_KEYS_OF = {
    "aws:requesttag/": ("request tags",),
    "aws:tagkeys": ("request tags", "tag keys"),
    "ecr:accountsetting": ("account setting",),
    "iam:policyarn": ("policy arn",),
    "iam:permissionsboundary": ("boundary",),
    "sts:externalid": ("session",),
    "sts:rolesessionname": ("session",),
    "sts:sourceidentity": ("session",),
    "sts:transitivetagkeys": ("session",),
}
_TAGS_OF_RESOURCE = ("aws:resourcetag/", "ecr:resourcetag/", "iam:resourcetag/")
_OF_SERVICES = ("aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid")


@dataclass(frozen=True)
class Hit:
    """A witness: a request that is allowed and that nobody asked for.

    ``half`` is "" when it is allowed, else the side that says yes: "identity" or "resource". ``elsewhere`` is 0 for an
    action that nobody asked for, 1 for one that was asked for, and not so, 2 for one that passes without a remark, and
    not so.
    """

    asker: Asker
    action: str
    place: Place
    context: Context
    half: str
    ordinary: bool
    elsewhere: int

    @property
    def score(self) -> tuple[object, ...]:
        """What tells most is least: strangers, rights handed out, writing, what everybody understands, what exists.

        The pull of another repository that exists counts as writing does: it goes before the small writes that come
        with a managed policy (a log line, an image fetched for a cache).
        """
        return (
            self.asker.rank,
            min(tier(self.action), 1) if self.pulls_another else tier(self.action),
            self.half != "",
            telling(self.action),
            self.elsewhere,
            not self.place.known,
            not self.ordinary,
            len(self.place.target.arn),
        )

    @property
    def pulls_another(self) -> bool:
        """Whether it is a pull that was asked for elsewhere, of a repository that exists, and allowed by all sides."""
        return self.action in PULL and self.elsewhere > 0 and self.place.known and self.half == ""


@dataclass
class Look:
    """What one caller may do beside the wish, by its own policies and those of resources (``policies``).

    A ``door`` is a resource's policy looked at alone. ``within`` are the accounts whose resources count; empty: all.
    ``unsure`` says what could not be looked at, ``tried`` counts the requests decided.
    """

    cloud: Cloud
    now: float
    asker: Asker
    wish: Wish
    policies: Sequence[Policy]
    door: bool = False
    within: tuple[str, ...] = ()
    unsure: list[str] = field(default_factory=list)
    tried: int = 0

    def __post_init__(self) -> None:
        own = self.asker
        self.wish = self.wish.of(own.caller)
        granting = [*(each.policy for each in own.identity if each is not EVERYTHING), *self.policies]
        limits = [own.boundary.policy] if own.boundary is not None else []
        limits += [own.session] if own.session is not None else []
        self._base = {key.lower(): value for key, value in own.context.items()}
        # All statements that speak; those of the wish behind those of policies.
        self.spoken: list[Statement] = []
        self._grants: list[bool] = []
        self._numbers: dict[int, range] = {}
        versions: list[str] = []
        for policy in {id(each): each for each in (*granting, *limits)}.values():
            self._numbers[id(policy)] = range(len(self.spoken), len(self.spoken) + len(policy.statements))
            grants = any(policy is each for each in granting)
            self.spoken += policy.statements
            self._grants += [grants and each.effect == "Allow" for each in policy.statements]
            versions += [policy.version] * len(policy.statements)
        self._wished = len(self.spoken)
        self.spoken += self.wish.all
        self._grants += [False] * len(self.wish.all)
        versions += ["2012-10-17"] * len(self.wish.all)
        self._masks = self._read_resources(versions)
        self.reach = Reach(self.cloud, self.words, self._texts, own.account, self._tells)

    # What statements say of resources ---------------------------------------------------------------------------------

    def _read_resources(self, versions: list[str]) -> list[int]:
        """Compile all patterns of resources; return for each statement the bits of its own."""
        patterns: dict[tuple[str | Wild, ...], int] = {}
        numbers: list[list[int]] = []
        texts = [value for each in self.spoken for condition in each.conditions for value in condition.values]
        for statement, version in zip(self.spoken, versions, strict=True):
            own = []
            for text in statement.resources.values if statement.resources else ():
                texts.append(text)
                tokens = self._tokens(text, version)
                if tokens is not None:
                    own.append(patterns.setdefault(tuple(tokens), len(patterns)))
            numbers.append(own)
        self._texts = " ".join(texts)
        self.words = Words(patterns, Style.ARN)
        return [sum({self.words.final[number] for number in own}) for own in numbers]

    def _tokens(self, text: str, version: str) -> list[str | Wild] | None:
        """A resource's pattern for this caller; a variable that is not the caller's may stand for anything."""
        found = pattern(text, Style.ARN, version == "2012-10-17")
        loose = [part.key for part in found.parts if isinstance(part, Variable) and not self._fixed(part.key)]
        if not loose:
            return found.resolve(self._base)
        self.unsure.append(f"the resource {text} depends on {loose[0]}, which is another one in each request")
        return [Wild.MANY if isinstance(part, Variable) else part for part in found.parts]

    def _fixed(self, key: str) -> bool:
        """Whether a key's value follows from who asks."""
        if key in OF_CALLER or key in ("aws:sourceidentity", "aws:securetransport"):
            return True
        return key.startswith("aws:principaltag/") and not self.asker.fresh

    def _tells(self, region: str, account: str) -> object:
        context = {**self._base, "aws:requestedregion": region, "aws:resourceaccount": account}
        return tuple(each.holds(context) for each in self._of_places)

    @cached_property
    def _of_places(self) -> list[Condition]:
        names = ("aws:requestedregion", "aws:resourceaccount")
        return [each for statement in self.spoken for each in statement.conditions if each.lookup in names]

    def _covers(self, number: int, place: Place) -> bool:
        """Whether a statement is in force at a place and its resources cover it."""
        if number < self._wished and number not in self._in_force(place):
            return False
        resources = self.spoken[number].resources
        return resources is None or bool(self._masks[number] & place.accepted) is not resources.negated

    def _in_force(self, place: Place) -> set[int]:
        """The statements of policies without those of other resources."""
        key = (id(place.target.policy), id(place.registry))
        if key not in self._force:
            here = [policy for policy in (place.target.policy, place.registry) if policy is not None]
            others = [policy for policy in self.policies if not any(policy is each for each in here)]
            away = {number for policy in others for number in self._numbers[id(policy)]}
            self._force[key] = set(range(self._wished)) - away
        return self._force[key]

    @cached_property
    def _force(self) -> dict[tuple[int, int], set[int]]:
        return {}

    # Looking ----------------------------------------------------------------------------------------------------------

    def hits(self, looked_at: Callable[[str, str], bool], only: Sequence[Place] | None = None) -> Iterator[Hit]:
        """Yield a witness for every way to be allowed what was not asked for.

        Args:
            looked_at: tells by action and kind of thing what to look at (`ecrlab.aws.surplus.acts.asked`).
            only: the places to look at; None: all.
        """
        try:
            for group in groups(self.spoken, self._grants.__getitem__, looked_at):
                places = self.reach.of(group.kind, group.service) if only is None else only
                yield from self._hits_of(group, places)
        except TooManyWords as error:
            self.unsure.append(str(error))

    def _hits_of(self, group: Group, places: Sequence[Place]) -> Iterator[Hit]:
        conditions = [each.lookup for number in group.matched for each in self.spoken[number].conditions]
        tagged = any(key.startswith(_TAGS_OF_RESOURCE) for key in conditions)
        seen: set[object] = set()
        if ":Create" in group.actions[0]:  # what exists is not made
            places = sorted(places, key=lambda place: place.known)
        for place in places:
            if self.within and place.target.account not in self.within:
                continue
            live = tuple(number for number in group.matched if self._covers(number, place))
            if not any(self._grants[number] for number in live):
                continue
            tags = (place.known, *place.target.tags.items()) if tagged else ()
            here = (place.target.account == self.asker.account, place.target.arn == "*")
            # Places of which all policies say the same are one.
            key = (live, here, tags, self._tells(place.region, place.target.account))
            if key not in seen:
                seen.add(key)
                yield from self._hit(group, place, live)

    def _hit(self, group: Group, place: Place, live: tuple[int, ...]) -> Iterator[Hit]:
        action = group.actions[0]
        wishes = [self.spoken[number] for number in live if number >= self._wished]
        conditions = [each for number in live for each in self.spoken[number].conditions]
        situations = Situations(
            self.context(action, place), lambda key: self._free(key, group, place), lambda key: _values_of(key, group)
        )
        elsewhere = self._elsewhere(group)
        for context in situations.of(conditions):
            if any(self._fits(each, action, place, context) for each in wishes):
                continue
            half = self._half(action, place, context)
            if half is not None:
                yield Hit(self.asker, action, place, context, half, context is situations.base, elsewhere)
                return
        if situations.unsure:
            self.unsure.append(situations.unsure)

    def _elsewhere(self, group: Group) -> int:
        """Whether a group's actions were asked for (1), pass without a remark (2), or neither (0), at other places."""
        wished = [number - self._wished for number in group.matched if number >= self._wished]
        return 0 if not wished else 1 if min(wished) < len(self.wish.may) else 2

    def _fits(self, wish: Statement, action: str, place: Place, context: Context) -> bool:
        found = wish.match(action.lower(), place.target.arn, self.asker.caller, context)
        return not isinstance(found, Mismatch)

    def context(self, action: str, place: Place) -> Context:
        """Return the condition keys of an ordinary request of the caller, in lower case."""
        context = RequestContext(place.region, self.now, "127.0.0.1", "ecrlab")
        given = condition_keys(self.asker.context, action, place.target, context)
        return {key.lower(): value for key, value in given.items()}

    def _free(self, key: str, group: Group, place: Place) -> bool:
        """Whether a request of these actions may have another value under a key than an ordinary one."""
        if self._fixed(key) or key == "aws:resourceaccount":
            return False
        if key == "aws:requestedregion":
            return place.target.arn == "*" and group.service != "iam"
        if key.startswith(_TAGS_OF_RESOURCE):
            return not place.known
        if key in _OF_SERVICES:
            return not self.asker.caller.kind.has_identity
        if group.kind != FOREIGN:
            for start, names in _KEYS_OF.items():
                if key.startswith(start):
                    return any(name in group.keys for name in names)
        return True

    # Deciding ---------------------------------------------------------------------------------------------------------

    def _half(self, action: str, place: Place, context: Context) -> str | None:
        """Which side allows a request: "" all that have a say, "identity" or "resource" that one alone; else None."""
        self.tried += 1
        across = place.target.account != self.asker.account and self.asker.caller.kind.has_identity
        if self.decide(action, place, context).allowed:
            return "resource" if self.door and across else ""
        if self.door or not (across or action.startswith("sts:AssumeRole")):
            return None
        return "identity" if self.decide(action, place, context, "identity").allowed else None

    def decide(self, action: str, place: Place, context: Context, half: str = "") -> Decision:
        """Decide a request by all policies; with ``half`` "identity" as if the resource's side said yes."""
        own = self.asker
        request = Request(own.arn, action, place.target.arn, place.target.account, context)
        policies = Policies(own.identity, place.target.policy, own.boundary, own.session)
        if half == "identity":
            return evaluate(replace(request, resource_account=_ELSEWHERE), replace(policies, resource=_OPEN))
        if place.target.arn != "*" and action.startswith("ecr:"):
            policies = replace(policies, registry=place.registry)
        return evaluate(request, policies)

    def refused(self) -> Iterator[tuple[str, Place, Decision]]:
        """Yield what was asked for and is refused: of each sentence a place that exists, and one that does not."""
        for number in range(self._wished, self._wished + len(self.wish.may)):
            wish = self.spoken[number]
            for action, kind in self._acts(wish):
                group = Group(kind, action.partition(":")[0], keys(action), (), (action,))
                places = [each for each in self.reach.of(kind, group.service) if self._covers(number, each)]
                for known in (True, False):
                    # Those that do not exist are alike; of those that do, one may be closed and its neighbour open.
                    for place in [each for each in places if each.known is known][: None if known else 1]:
                        decision = self._wished_for(wish, group, place)
                        if decision is not None and not decision.allowed:
                            yield action, place, decision
                            break

    def _acts(self, wish: Statement) -> Iterator[tuple[str, str]]:
        yield from ((action, asked()[action]) for action in sorted(covered(wish.actions)))
        for text in wish.actions.values:
            if not wild(text) and text.partition(":")[0].lower() not in services():
                yield text, FOREIGN

    def _wished_for(self, wish: Statement, group: Group, place: Place) -> Decision | None:
        """The decision about a request that the wish fits; None when there is none."""
        action = group.actions[0]
        situations = Situations(
            self.context(action, place), lambda key: self._free(key, group, place), lambda key: _values_of(key, group)
        )
        fitting = (each for each in situations.of(wish.conditions) if self._fits(wish, action, place, each))
        return next((self.decide(action, place, context) for context in fitting), None)


def _values_of(key: str, group: Group) -> list[str] | None:
    """The only values that a key can have; None: any."""
    if key == "aws:requestedregion" and group.kind != FOREIGN:
        return sorted(regions())
    if key in ("aws:securetransport", "aws:viaawsservice", "aws:multifactorauthpresent"):
        return ["true", "false"]
    return None
