"""Situations: whatever conditions can be made to say, one situation says it."""

import itertools
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from ecrlab.policy.condition import condition
from ecrlab.policy.pattern import Context
from ecrlab.policy.situations import Situations

NOW = "2026-11-23T09:00:00Z"
BASE: Context = {"aws:currenttime": NOW, "aws:epochtime": "1795424400", "aws:n": "b", "aws:fixed": "a"}
POOLS: Mapping[str, tuple[object, ...]] = {
    "aws:n": (None, "", "a", "b", "ab", "ba", "aab", "c", "A", "1", "2", "1.5", "0", "3", "true", "false"),
    "aws:m": (None, "0", "1", "1.5", "2", "3", "x"),
    "aws:ip": (None, "10.0.0.1", "10.0.1.1", "9.9.9.9", "11.0.0.0", "10.0.0.0", "::1"),
    "aws:many": (None, ("a",), ("b",), ("a", "b"), ("c",), ("a", "c"), ("a", "b", "c")),
    "aws:fixed": ("a",),
}
strings = st.lists(st.sampled_from(("a", "b", "a*", "*b", "?", "${aws:fixed}", "${aws:none}")), min_size=1, max_size=2)
on_text = st.builds(
    lambda name, suffix, values: condition(name + suffix, "aws:n", tuple(values), True),
    st.sampled_from(("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase")),
    st.sampled_from(("", "IfExists")),
    strings,
)
on_number = st.builds(
    lambda name, value: condition(name, "aws:m", (value,), True),
    st.sampled_from(("NumericEquals", "NumericLessThan", "NumericGreaterThanEquals", "NumericNotEquals")),
    st.sampled_from(("1", "2")),
)
on_address = st.builds(
    lambda name, value: condition(name, "aws:ip", (value,), True),
    st.sampled_from(("IpAddress", "NotIpAddress")),
    st.sampled_from(("10.0.0.0/24", "10.0.0.0/8", "::/64")),
)
on_many = st.builds(
    lambda kind, name, values: condition(f"{kind}:{name}", "aws:many", tuple(values), True),
    st.sampled_from(("ForAnyValue", "ForAllValues")),
    st.sampled_from(("StringEquals", "StringNotEquals")),
    st.lists(st.sampled_from(("a", "b")), min_size=1, max_size=2),
)
on_presence = st.builds(
    lambda key, value: condition("Null", key, (value,), True),
    st.sampled_from(("aws:n", "aws:ip", "aws:many", "aws:fixed")),
    st.sampled_from(("true", "false")),
)
on_fixed = st.builds(lambda values: condition("StringEquals", "aws:fixed", tuple(values), True), strings)


@settings(deadline=None)
@given(st.lists(on_text | on_number | on_address | on_many | on_presence | on_fixed, min_size=1, max_size=4))
def test_whatever_the_conditions_can_say_is_said(conditions: list[object]) -> None:
    asked = [each for each in conditions if hasattr(each, "holds")]
    situations = Situations(BASE, lambda key: key != "aws:fixed")
    said = {tuple(each.holds(context) for each in asked) for context in situations.of(asked)}
    assert situations.unsure == ""
    keys = sorted({each.lookup for each in asked})
    for values in itertools.product(*(POOLS[key] for key in keys)):
        context = {key: value for key, value in BASE.items() if key not in keys}
        context |= {key: value for key, value in zip(keys, values, strict=True) if value is not None}  # type: ignore[misc]
        assert tuple(each.holds(context) for each in asked) in said


def test_the_ordinary_situation_comes_first_and_nothing_fixed_changes() -> None:
    asked = [condition("StringEquals", "aws:fixed", ("b",), True), condition("Bool", "aws:mfa", ("true",), True)]
    found = list(Situations(BASE, lambda key: key != "aws:fixed").of(asked))
    assert found[0] == BASE
    assert {each["aws:fixed"] for each in found} == {"a"}
    assert [each.get("aws:mfa") for each in found] == [None, "true"]


def test_no_situation_lies_in_the_past_and_both_clocks_show_one_moment() -> None:
    past = condition("DateLessThan", "aws:CurrentTime", ("2020-01-01",), True)
    later = condition("DateGreaterThan", "aws:EpochTime", ("1800000000",), True)
    situations = Situations(BASE, lambda key: True)
    found = list(situations.of([past, later]))
    assert situations.unsure == ""
    assert {past.holds(each) for each in found} == {False}
    assert {later.holds(each) for each in found} == {True, False}
    ahead = next(each for each in found if later.holds(each))
    assert condition("DateGreaterThan", "aws:CurrentTime", ("2027-01-15",), True).holds(ahead)


def test_tags_of_a_request_and_the_list_of_their_keys_agree() -> None:
    asked = [
        condition("StringEquals", "aws:RequestTag/team", ("blue",), True),
        condition("ForAllValues:StringEquals", "aws:TagKeys", ("team",), True),
        condition("Null", "aws:TagKeys", ("false",), True),
    ]
    for context in Situations({}, lambda key: True).of(asked):
        assert ("aws:requesttag/team" in context) == ("team" in context.get("aws:tagkeys", ()))


def test_a_value_compared_as_text_and_as_number_is_not_told() -> None:
    asked = [condition("StringLike", "aws:n", ("?",), True), condition("NumericLessThan", "aws:n", ("2",), True)]
    situations = Situations(BASE, lambda key: True)
    assert list(situations.of(asked))
    assert situations.unsure == "the value of aws:n is compared in different ways: String, Numeric"


def test_too_many_ways_are_said() -> None:
    asked = [condition("StringEquals", f"aws:k{number}", ("a",), True) for number in range(12)]
    situations = Situations({}, lambda key: True)
    assert len(list(situations.of(asked))) <= 600
    assert "more than 600 ways" in situations.unsure
