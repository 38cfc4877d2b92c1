"""Condition operators, variables and patterns, each by its rule in facts/iam.md 4."""

import time
from typing import Any

import pytest

from ecrlab.policy import Attached, Policies, Request, evaluate, read_policy

USER = "arn:aws:iam::123456789012:user/ci"
REPOSITORY = "arn:aws:ecr:us-east-1:123456789012:repository/team-a/web"
Value = str | tuple[str, ...]


def allows(statement: dict[str, Any], context: dict[str, Value], resource: str = REPOSITORY, **top: Any) -> bool:
    document = {"Version": "2012-10-17", **top, "Statement": {"Effect": "Allow", "Action": "*", **statement}}
    policy = Attached(read_policy(document), None, "p", "user ci")
    request = Request(USER, "ecr:PutImage", resource, "123456789012", context)
    return evaluate(request, Policies((policy,))).allowed


def holds(operator: str, wanted: Any, value: Value | None, key: str = "aws:X") -> bool:
    context = {} if value is None else {key: value}
    return allows({"Resource": "*", "Condition": {operator: {key: wanted}}}, context)


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", "a*", "ab", False),
        ("StringEquals", "a*", "a*", True),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", ["a", "b"], "c", True),
        ("StringEqualsIgnoreCase", "Team", "tEAM", True),
        ("StringNotEqualsIgnoreCase", "Team", "tEAM", False),
        ("StringLike", "a*c?", "abbbcd", True),
        ("StringLike", "a*c?", "abbbc", False),
        ("StringLike", "*", "", True),
        ("StringLike", "A*", "abc", False),
        ("StringLike", "a*b*a", "aba", True),
        ("StringLike", "a*ab", "aab", True),
        ("StringLike", "*ab*ab", "ab", False),
        ("StringLike", "a*", "a\nb", True),
        ("StringLike", "a${*}", "ab", False),
        ("StringLike", "a${*}", "a*", True),
        ("StringLike", "a${?}", "a?", True),
        ("StringLike", "${$}{x}", "${x}", True),
        ("StringNotLike", "a*", "b", True),
        ("NumericEquals", "10", "10.0", True),
        ("NumericEquals", 10, "10", True),
        ("NumericNotEquals", "10", "11", True),
        ("NumericLessThan", "10", "9.5", True),
        ("NumericLessThan", "10", "10", False),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericGreaterThan", "9", "10", True),
        ("NumericGreaterThanEquals", "10", "9", False),
        ("NumericLessThan", "10", "nine", False),
        ("NumericLessThan", "ten", "9", False),
        ("DateEquals", "2026-06-30T10:00:00+02:00", "2026-06-30T08:00:00Z", True),
        ("DateEquals", "2026-06-30", "2026-06-30T00:00:00Z", True),
        ("DateEquals", "2026", "2026-01-01T00:00:00Z", True),
        ("DateEquals", "2026-06", "2026-06-01T00:00Z", True),
        ("DateEquals", "1782806400", "2026-06-30T08:00:00Z", True),
        ("DateEquals", "2026-06-30T08:00:00.000Z", "2026-06-30T08:00:00Z", True),
        ("DateNotEquals", "2026-06-30", "2026-07-01T00:00:00Z", True),
        ("DateLessThan", "2026-06-30T08:00:00Z", "2026-06-30T07:59:59.9Z", True),
        ("DateLessThanEquals", "2026-06-30T08:00:00Z", "2026-06-30T08:00:00Z", True),
        ("DateGreaterThan", "2026-06-30T08:00:00Z", "2026-06-30T10:00:01+02:00", True),
        ("DateGreaterThanEquals", "2026-06-31", "2027-01-01T00:00:00Z", False),
        ("DateGreaterThan", "2026-01-01T00:00:00+99:00", "2027-01-01T00:00:00Z", False),
        ("Bool", True, "true", True),
        ("Bool", "False", "false", True),
        ("Bool", "true", "false", False),
        ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", True),
        ("BinaryEquals", "QmluYXJ5", "QmluYXJ6", False),
        ("BinaryEquals", "not base64!", "not base64!", False),
        ("IpAddress", "10.0.0.0/8", "10.200.0.1", True),
        ("IpAddress", "10.1.2.3/8", "10.200.0.1", True),
        ("IpAddress", "203.0.113.7", "203.0.113.7", True),
        ("IpAddress", "10.0.0.0/8", "11.0.0.1", False),
        ("IpAddress", "2001:db8::/32", "2001:db8:1::1", True),
        ("IpAddress", "0.0.0.0/0", "2001:db8::1", False),
        ("IpAddress", "10.0.0.0/8", "ecr.amazonaws.com", False),
        ("IpAddress", "ten", "10.0.0.1", False),
        ("NotIpAddress", "10.0.0.0/8", "11.0.0.1", True),
        ("NotIpAddress", ["10.0.0.0/8", "11.0.0.0/8"], "11.0.0.1", False),
        ("ArnLike", "arn:aws:iam::*:role/ci*", "arn:aws:iam::123456789012:role/ci/x", True),
        ("ArnEquals", "arn:aws:iam::*:role/ci*", "arn:aws:iam::123456789012:role/ci/x", True),
        ("ArnLike", "arn:aws:iam::*:role/ci", "arn:aws:iam::1:x:role/ci", False),
        ("ArnLike", "arn:*:role/ci", "arn:aws:iam::123456789012:role/ci", False),
        ("ArnLike", "arn:aws:iam::123456789012:*", "arn:aws:iam::123456789012:role/ci", True),
        ("ArnNotLike", "arn:aws:iam::*:user/*", "arn:aws:iam::123456789012:role/ci", True),
        ("ArnNotEquals", "arn:aws:iam::*:role/*", "arn:aws:iam::123456789012:role/ci", False),
        ("Null", "false", "a", True),
        ("Null", True, "a", False),
        # Several values without a set operator: one that equals, or none.
        ("StringEquals", "a", ("a", "b"), True),
        ("StringNotEquals", "a", ("a", "b"), False),
        ("ForAnyValue:StringEquals", ["a", "x"], ("a", "b"), True),
        ("ForAnyValue:StringEquals", ["x", "y"], ("a", "b"), False),
        ("ForAnyValue:StringNotEquals", ["a"], ("a", "b"), True),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ("a", "b"), False),
        ("ForAllValues:StringEquals", ["a", "b", "c"], ("a", "b"), True),
        ("ForAllValues:StringEquals", ["a"], ("a", "b"), False),
        ("ForAllValues:StringNotEquals", ["x", "y"], ("a", "b"), True),
        ("ForAllValues:StringNotEquals", ["a"], ("a", "b"), False),
        ("ForAllValues:StringLike", "a*", "ab", True),
        ("ForAnyValue:ArnLike", "arn:aws:iam::*:role/*", ("x", "arn:aws:iam::123456789012:role/ci"), True),
    ],
)
def test_operator(operator: str, wanted: Any, value: Value, expected: bool) -> None:
    assert holds(operator, wanted, value) is expected


@pytest.mark.parametrize("value", [None, ()])
@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("StringEquals", False),
        ("StringNotEquals", True),
        ("StringNotLike", True),
        ("NotIpAddress", True),
        ("ArnNotLike", True),
        ("NumericNotEquals", True),
        ("DateNotEquals", True),
        ("DateLessThan", False),
        ("Bool", False),
        ("BoolIfExists", True),
        ("StringEqualsIfExists", True),
        ("StringNotEqualsIfExists", True),
        ("ForAllValues:StringEquals", True),
        ("ForAllValues:StringNotEquals", True),
        ("ForAnyValue:StringEquals", False),
        ("ForAnyValue:StringNotEquals", False),
        ("ForAnyValue:StringEqualsIfExists", True),
    ],
)
def test_missing_key(operator: str, value: Value | None, expected: bool) -> None:
    assert holds(operator, "1", value) is expected


def test_null_asks_for_absence() -> None:
    assert holds("Null", "true", None)
    assert not holds("Null", "false", None)
    assert holds("Null", ["true", "false"], "a")
    assert holds("Null", "false", "")


def test_keys_ignore_case_and_conditions_are_anded() -> None:
    both = {
        "StringEquals": {"AWS:username": "ci", "aws:PrincipalTag/Team": "a"},
        "Bool": {"aws:SecureTransport": "true"},
    }
    context: dict[str, Value] = {"aws:UserName": "ci", "aws:principaltag/team": "a", "aws:securetransport": "true"}
    assert allows({"Resource": "*", "Condition": both}, context)
    for key in context:
        assert not allows({"Resource": "*", "Condition": both}, {**context, key: "other"})


@pytest.mark.parametrize(
    ("resource", "context", "expected"),
    [
        (
            "arn:aws:ecr:us-east-1:123456789012:repository/team-${aws:PrincipalTag/team}/*",
            {"aws:PrincipalTag/team": "a"},
            True,
        ),
        (
            "arn:aws:ecr:us-east-1:123456789012:repository/team-${AWS:principaltag/Team}/web",
            {"aws:PrincipalTag/team": "a"},
            True,
        ),
        (
            "arn:aws:ecr:us-east-1:123456789012:repository/team-${aws:PrincipalTag/team}/*",
            {"aws:PrincipalTag/team": "b"},
            False,
        ),
        ("arn:aws:ecr:us-east-1:123456789012:repository/team-${aws:PrincipalTag/team}/*", {}, False),
        ("arn:aws:ecr:us-east-1:123456789012:repository/${aws:PrincipalTag/team, 'team-a'}/*", {}, True),
        (
            "arn:aws:ecr:us-east-1:123456789012:repository/${aws:PrincipalTag/team, 'team-a'}/*",
            {"aws:PrincipalTag/team": "x"},
            False,
        ),
        # A value is text, a multivalued key is not a variable.
        (
            "arn:aws:ecr:us-east-1:123456789012:repository/${aws:PrincipalTag/team}",
            {"aws:PrincipalTag/team": "*"},
            False,
        ),
        ("arn:aws:ecr:us-east-1:123456789012:repository/${aws:TagKeys}/web", {"aws:TagKeys": ("team-a",)}, False),
        ("arn:aws:ecr:us-east-1:123456789012:repository/${*}", {}, False),
    ],
)
def test_variable_in_resource(resource: str, context: dict[str, Value], expected: bool) -> None:
    assert allows({"Resource": resource}, context) is expected
    assert allows({"NotResource": resource}, context) is not expected


def test_variable_in_condition() -> None:
    statement = {"Resource": "*", "Condition": {"StringEquals": {"ecr:ResourceTag/team": "${aws:PrincipalTag/team}"}}}
    negated = {"Resource": "*", "Condition": {"StringNotEquals": {"ecr:ResourceTag/team": "${aws:PrincipalTag/team}"}}}
    assert allows(statement, {"ecr:ResourceTag/team": "a", "aws:PrincipalTag/team": "a"})
    assert not allows(statement, {"ecr:ResourceTag/team": "a", "aws:PrincipalTag/team": "b"})
    # A variable without a value equals nothing.
    assert not allows(statement, {"ecr:ResourceTag/team": "a"})
    assert allows(negated, {"ecr:ResourceTag/team": "a"})
    quoted = {"Resource": "*", "Condition": {"StringEquals": {"aws:X": "${aws:Y, 'it''s'}"}}}
    assert allows(quoted, {"aws:X": "it's"})


def test_variables_are_text_before_2012() -> None:
    resource = "arn:aws:ecr:us-east-1:123456789012:repository/${aws:username}"
    named = "arn:aws:ecr:us-east-1:123456789012:repository/ci"
    for version, expected in (("2008-10-17", False), ("2012-10-17", True)):
        assert allows({"Resource": resource}, {"aws:username": "ci"}, named, Version=version) is expected
    like = {"Resource": "*", "Condition": {"StringLike": {"aws:X": "a${*}"}}}
    assert allows(like, {"aws:X": "a${bc}"}, Version="2008-10-17")


def test_variables_only_with_string_and_arn_operators() -> None:
    statement = {"Resource": "*", "Condition": {"NumericEquals": {"aws:X": "${aws:Y}"}}}
    assert not allows(statement, {"aws:X": "1", "aws:Y": "1"})


@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        ("arn:aws:ecr:*:123456789012:repository/*", REPOSITORY, True),
        ("arn:aws:ecr:*:*:repository/team-?/web", REPOSITORY, True),
        ("arn:aws:ecr:us-east-1:123456789012:*", REPOSITORY, True),
        ("arn:aws:ecr:us-east-1:*", REPOSITORY, True),
        ("arn:aws:ecr:*", REPOSITORY, True),
        ("arn:*:repository/team-a/web", REPOSITORY, False),
        ("arn:aws:ecr:us-east-1:123456789012:repository/Team-a/web", REPOSITORY, False),
        (REPOSITORY, REPOSITORY + "/sub", False),
        ("*", "*", True),
        # An action without resource type has the resource "*", which only "*" covers (I081).
        (REPOSITORY, "*", False),
        ("arn:aws:ecr:*:*:*", "*", False),
    ],
)
def test_resource(pattern: str, resource: str, expected: bool) -> None:
    assert allows({"Resource": pattern}, {}, resource) is expected


def test_hostile_pattern_costs_little() -> None:
    started = time.perf_counter()
    assert not holds("StringLike", "*a" * 2000 + "b", "a" * 4000)
    assert not holds("StringLike", "${aws:Y}" + "*a" * 500 + "b", "a" * 4000)
    assert not holds("StringLike", "*?" * 2000 + "b", "a" * 4000)
    assert time.perf_counter() - started < 2
