"""Conditions: every operator of IAM's condition element (facts/iam.md 4, AWS: IAM User Guide, condition operators)."""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum

from ecrlab.policy.errors import PolicyError
from ecrlab.policy.pattern import Context, Style, pattern

# One policy value, compiled: does this request value match it?
Test = Callable[[str, Context], bool]


class Set(Enum):
    """The set operator in front of a condition operator."""

    NONE = ""
    ANY = "ForAnyValue:"
    ALL = "ForAllValues:"


def _never(value: str, context: Context) -> bool:
    return False


def _pattern_test(style: Style) -> Callable[[str, bool], Test]:
    def build(text: str, variables: bool) -> Test:
        return pattern(text, style, variables).matches

    return build


def _ignore_case(text: str, variables: bool) -> Test:
    wanted = pattern(text, Style.EXACT, variables)

    def test(value: str, context: Context) -> bool:
        resolved = wanted.resolved_text(context)
        return resolved is not None and resolved.lower() == value.lower()

    return test


def _arn(text: str, variables: bool) -> Test:
    return pattern(text, Style.ARN, variables).matches


_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")


def number(text: str) -> Decimal | None:
    """Read a decimal number; None when it is none."""
    return Decimal(text) if text.isascii() and _NUMBER.fullmatch(text) else None


_DATE = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)"
    r"(T(?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)(\.(?P<fraction>\d+))?)?"
    r"(?P<zone>Z|[+-]\d\d:?\d\d)?)?)?)?",
    re.IGNORECASE,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def date(text: str) -> Decimal | None:
    """Read a date as seconds since 1970: a W3C form of ISO 8601 (no zone: UTC) or the seconds themselves.

    Four digits are a year, as in ISO 8601. None when it is not a date.
    """
    found = _DATE.fullmatch(text) if text.isascii() else None
    if not found:
        return number(text)
    zone: timezone = UTC
    if found["zone"] and found["zone"] not in "Zz":
        digits = found["zone"][1:].replace(":", "")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        if offset >= timedelta(hours=24):
            return None
        zone = timezone(-offset if found["zone"][0] == "-" else offset)
    try:
        moment = datetime(
            int(found["year"]),
            int(found["month"] or 1),
            int(found["day"] or 1),
            int(found["hour"] or 0),
            int(found["minute"] or 0),
            int(found["second"] or 0),
            tzinfo=zone,
        )
    except ValueError:
        return None
    since = moment - _EPOCH
    return Decimal(since.days * 86400 + since.seconds) + Decimal(f"0.{found['fraction'] or 0}")


def _ordered(
    read: Callable[[str], Decimal | None], compare: Callable[[Decimal, Decimal], bool]
) -> Callable[[str, bool], Test]:
    def build(text: str, variables: bool) -> Test:
        wanted = read(text)
        if wanted is None:
            return _never

        def test(value: str, context: Context) -> bool:
            seen = read(value)
            return seen is not None and compare(seen, wanted)

        return test

    return build


def _bool(text: str, variables: bool) -> Test:
    wanted = text.lower()

    def test(value: str, context: Context) -> bool:
        return value.lower() == wanted

    return test


def _binary(text: str, variables: bool) -> Test:
    wanted = _bytes(text)

    def test(value: str, context: Context) -> bool:
        return wanted is not None and _bytes(value) == wanted

    return test


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _ip(text: str, variables: bool) -> Test:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return _never

    def test(value: str, context: Context) -> bool:
        try:
            return ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return test


_BUILD: dict[str, Callable[[str, bool], Test]] = {
    "StringEquals": _pattern_test(Style.EXACT),
    "StringEqualsIgnoreCase": _ignore_case,
    "StringLike": _pattern_test(Style.GLOB),
    "NumericEquals": _ordered(number, Decimal.__eq__),
    "NumericLessThan": _ordered(number, Decimal.__lt__),
    "NumericLessThanEquals": _ordered(number, Decimal.__le__),
    "NumericGreaterThan": _ordered(number, Decimal.__gt__),
    "NumericGreaterThanEquals": _ordered(number, Decimal.__ge__),
    "DateEquals": _ordered(date, Decimal.__eq__),
    "DateLessThan": _ordered(date, Decimal.__lt__),
    "DateLessThanEquals": _ordered(date, Decimal.__le__),
    "DateGreaterThan": _ordered(date, Decimal.__gt__),
    "DateGreaterThanEquals": _ordered(date, Decimal.__ge__),
    "Bool": _bool,
    "BinaryEquals": _binary,
    "IpAddress": _ip,
    # ArnEquals and ArnLike behave identically (AWS: IAM User Guide, ARN condition operators).
    "ArnEquals": _arn,
    "ArnLike": _arn,
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}
OPERATORS = (*_BUILD, *_NEGATED, "Null")


@dataclass(frozen=True, slots=True)
class Condition:
    """One key under one operator of a Condition element; all of a statement's conditions must hold.

    `operator`, `key` and `values` are as written in the document (values as text).
    """

    operator: str
    key: str
    values: tuple[str, ...]
    lookup: str = field(repr=False, compare=False)
    set: Set = field(repr=False, compare=False)
    negated: bool = field(repr=False, compare=False)
    if_exists: bool = field(repr=False, compare=False)
    # Empty for the operator Null, which asks for no value.
    tests: tuple[Test, ...] | None = field(repr=False, compare=False)

    def holds(self, context: Context) -> bool:
        """Tell whether the condition holds for a request (facts I030 to I034)."""
        found = context.get(self.lookup)
        if self.tests is None:
            return any((value.lower() == "true") is (found is None) for value in self.values)
        if found is None:
            if self.if_exists or self.set is Set.ALL:
                return True
            return self.negated and self.set is Set.NONE
        if isinstance(found, str):
            return self._one(found, self.tests, context)
        if self.set is Set.ALL:
            return all(self._one(value, self.tests, context) for value in found)
        if self.set is Set.ANY:
            return any(self._one(value, self.tests, context) for value in found)
        # A multivalued key without a set operator: "equals" asks for one value that does, "not equals" for none.
        together = all if self.negated else any
        return together(self._one(value, self.tests, context) for value in found)

    def _one(self, value: str, tests: tuple[Test, ...], context: Context) -> bool:
        for test in tests:
            if test(value, context):
                return not self.negated
        return self.negated


def condition(operator: str, key: str, values: tuple[str, ...], variables: bool) -> Condition:
    """Compile one condition; raises PolicyError for an operator that IAM does not have."""
    name = operator
    kind = Set.NONE
    for prefix in (Set.ANY, Set.ALL):
        if name.startswith(prefix.value):
            name, kind = name.removeprefix(prefix.value), prefix
    if name == "Null" and kind is Set.NONE:
        return Condition(operator, key, values, key.lower(), kind, False, False, None)
    base = name.removesuffix("IfExists")
    positive = _NEGATED.get(base, base)
    build = _BUILD.get(positive)
    if build is None:
        raise PolicyError("Syntax errors in policy.")
    tests = tuple(build(value, variables) for value in values)
    return Condition(operator, key, values, key.lower(), kind, base in _NEGATED, base != name, tests)
