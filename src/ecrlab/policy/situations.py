"""Situations: the condition keys under which conditions can tell requests apart, one set of values for each way."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from ecrlab.policy.condition import Condition, Set, date, number
from ecrlab.policy.pattern import Context, Style, Variable, pattern
from ecrlab.policy.words import ANY, TooManyWords, Words

Value = str | tuple[str, ...] | None
"""What a request has under a key; None: it has no such key."""

MOST = 600
"""The most situations of one request that are looked at."""
TIME = ("aws:currenttime", "aws:epochtime")
"""Two keys of one moment."""
_KINDS = ("String", "Arn", "Numeric", "Date", "Binary")
# Always in a request (AWS: IAM User Guide, global condition keys, and the STS and IAM API's required members).
_ALWAYS = ("aws:requestedregion", "aws:currenttime", "aws:epochtime", "sts:rolesessionname", "iam:policyarn")


@dataclass
class Situations:
    """The situations of one request, the ordinary one first.

    ``base`` is the ordinary context, keys in lower case. ``free`` tells whether a key may have another value than
    there; ``words`` gives the only values of a key, None: any. After iterating, ``unsure`` says what was not looked at.
    """

    base: Context
    free: Callable[[str], bool]
    words: Callable[[str], Sequence[str] | None] = lambda key: None
    unsure: str = field(default="", init=False)

    def of(self, conditions: Iterable[Condition]) -> Iterator[Context]:
        """Yield contexts: for every way in which the conditions can hold or not, one in which they do."""
        asked = list(dict.fromkeys(conditions))
        yield self.base
        keys = list(dict.fromkeys(_joint(each.lookup) for each in asked if self.free(each.lookup)))
        if not keys:
            return
        choices = []
        for key in keys:
            try:
                choices.append(self._choices(key, [each for each in asked if _joint(each.lookup) == key]))
            except TooManyWords:
                self.unsure = f"the values that the conditions on {key} name are too many to look at"
                choices.append([self._put({}, key, self.base.get(key))])
        for index, chosen in enumerate(itertools.product(*choices)):
            if index >= MOST:
                self.unsure = f"the conditions can hold in more than {MOST} ways"
                return
            context = dict(self.base)
            for each in chosen:
                for key, value in each.items():
                    context.pop(key, None)
                    if value is not None:
                        context[key] = value
            if context != self.base and _coherent(context, keys):
                yield context

    def _choices(self, key: str, conditions: list[Condition]) -> list[dict[str, Value]]:
        """One value of a key for each way in which the conditions on it can hold, the ordinary value first."""
        several = any(each.set is not Set.NONE for each in conditions)
        given = self.words(key)
        values: list[Value] = [self.base.get(key)]
        values += list(given) if given is not None else self._values(key, conditions, several)
        if key not in _ALWAYS:
            values.append(None)
        found: dict[object, dict[str, Value]] = {}
        for number_, value in enumerate(values):
            put = self._put({}, key, value)
            context = {**self.base, **{name: each for name, each in put.items() if each is not None}}
            for name, each in put.items():
                if each is None:
                    context.pop(name, None)
            # A condition that compares two keys of the request depends on more than this one.
            depends = any(self._loose(text) for each in conditions for text in each.values)
            holds: object = number_ if depends else tuple(each.holds(context) for each in conditions)
            found.setdefault((holds, value is None and depends), put)
        return list(found.values())

    def _put(self, into: dict[str, Value], key: str, value: Value) -> dict[str, Value]:
        into[key] = value
        if key == TIME[0] and isinstance(value, str):
            moment = date(value)
            into[TIME[1]] = None if moment is None else str(int(moment))
        return into

    def _loose(self, text: str) -> bool:
        """Whether a text has a variable whose key is free."""
        return any(
            isinstance(part, Variable) and self.free(part.key) for part in pattern(text, Style.EXACT, True).parts
        )

    def _values(self, key: str, conditions: list[Condition], several: bool) -> list[Value]:
        by_kind: dict[str, list[tuple[str, str]]] = {}
        for each in conditions:
            name = each.operator.rpartition(":")[2].removesuffix("IfExists").replace("Not", "", 1)
            kind = next((kind for kind in _KINDS if name.startswith(kind)), name)
            by_kind.setdefault(kind, []).extend((name, value) for value in each.values)
        by_kind.pop("Null", None)
        if len(by_kind) > 1 and key != TIME[0]:
            self.unsure = f"the value of {key} is compared in different ways: {', '.join(by_kind)}"
        texts: dict[str, None] = {}
        for kind, wanted in by_kind.items():
            texts |= dict.fromkeys(self._texts(key, kind, wanted))
        if not texts:
            texts["any"] = None
        if not several:
            return list(texts)
        made: list[Value] = [(text,) for text in texts]
        made += itertools.combinations(texts, 2)
        return [*made, tuple(texts)]

    def _texts(self, key: str, kind: str, named: list[tuple[str, str]]) -> Iterable[str]:
        """A value of a key for every way in which conditions of one kind can hold, by operator and value."""
        wanted = [value for _, value in named]
        if key == TIME[0]:
            return self._moments(wanted)
        if kind == "Numeric":
            return map(str, _around([number(text) for text in wanted]))
        if kind == "Date":
            return map(_written, _around([date(text) for text in wanted]))
        if kind == "IpAddress":
            return _addresses(wanted)
        if kind == "Bool":
            return ("true", "false")
        if kind == "Binary":
            return (*wanted, "AA==")
        return self._strings(named, Style.ARN if kind == "Arn" else Style.GLOB)

    def _strings(self, named: list[tuple[str, str]], style: Style) -> Iterable[str]:
        """A text for every set of patterns that texts can be matched by; variables as the request has them."""
        patterns = []
        for name, value in named:
            own = Style.EXACT if name.startswith("StringEquals") else style
            for text in (value, *_cases(value)) if name == "StringEqualsIgnoreCase" else (value,):
                for variables in (False, True) if "${" in text else (False,):
                    tokens = pattern(text, own, variables).resolve(self.base)
                    if tokens is not None:
                        patterns.append(tokens)
        words = Words(patterns, style).each(ANY, preferred=[value for _, value in named])
        return [word for word in words.values() if word]

    def _moments(self, wanted: list[str]) -> list[str]:
        """Moments from now on: what lies behind is never asked again."""
        now = date(str(self.base.get(TIME[0], "1970-01-01")))
        assert now is not None
        return [_written(each) for each in _around([date(text) for text in wanted]) if each >= now]


def _joint(key: str) -> str:
    return TIME[0] if key in TIME else key


def _around(given: list[Decimal | None]) -> list[Decimal]:
    """Each number, one between each two, one below and one above all of them."""
    sorted_ = sorted({each for each in given if each is not None})
    between = [(low + high) / 2 for low, high in itertools.pairwise(sorted_)]
    return [*sorted_, *between, sorted_[0] - 1, sorted_[-1] + 1] if sorted_ else []


def _cases(text: str) -> Iterator[str]:
    """A text in lower case, in upper case, and with one letter in upper case: other conditions may tell them apart."""
    small = text.lower()
    yield from (small, text.upper())
    yield from (small[:place] + small[place:].capitalize() for place in range(len(small)))


def _written(moment: Decimal) -> str:
    try:
        return datetime.fromtimestamp(float(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(moment)


def _addresses(wanted: list[str]) -> Iterator[str]:
    """The first address of each range, the one after it and the one before: every set of ranges that meet has one."""
    for text in wanted:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            continue
        yield str(network[0])
        for address, step in ((network[-1], 1), (network[0], -1)):
            try:
                yield str(address + step)
            except ValueError:
                continue  # there is none beyond the last address


def _coherent(context: Context, keys: Sequence[str]) -> bool:
    """Whether the tags of a request and the list of their keys say the same."""
    listed = context.get("aws:tagkeys", ())
    names = {each.lower() for each in ((listed,) if isinstance(listed, str) else listed)}
    tags = {key.partition("/")[2] for key in context if key.startswith("aws:requesttag/")}
    if "aws:tagkeys" not in keys:
        return True
    asked = {key.partition("/")[2] for key in keys if key.startswith("aws:requesttag/")}
    return tags <= names and names & asked <= tags
