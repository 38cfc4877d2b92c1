"""What holds for every policy and every request."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ecrlab.policy import (
    Attached,
    Decision,
    Policies,
    Policy,
    PolicyError,
    Request,
    evaluate,
    explain,
    parse_policy,
    read_policy,
    validate,
)

OWNER, PARTNER = "111122223333", "444455556666"
CALLERS = (
    f"arn:aws:iam::{OWNER}:user/alice",
    f"arn:aws:sts::{OWNER}:assumed-role/ci/run",
    f"arn:aws:iam::{PARTNER}:user/alice",
    f"arn:aws:sts::{PARTNER}:assumed-role/ci/run",
    f"arn:aws:sts::{OWNER}:federated-user/bob",
    f"arn:aws:iam::{OWNER}:root",
    "lambda.amazonaws.com",
    "*",
)
ROLES = (f"arn:aws:iam::{OWNER}:role/ci", f"arn:aws:iam::{PARTNER}:role/ci")
ACTIONS = ("ecr:PutImage", "ecr:BatchGetImage", "sts:AssumeRole", "ecr:GetAuthorizationToken")
RESOURCES = (f"arn:aws:ecr:us-east-1:{OWNER}:repository/a", f"arn:aws:iam::{OWNER}:role/ci", "*")

action = st.sampled_from((*ACTIONS, "*", "ecr:*", "ecr:Put*", "ECR:batchget?mage", "sts:*"))
resource = st.sampled_from(
    (*RESOURCES, "arn:aws:ecr:*:*:repository/*", "arn:aws:ecr:*:*:repository/${aws:PrincipalTag/t}")
)
principal = st.sampled_from((*CALLERS[:6], *ROLES, OWNER, PARTNER, "*"))
value = st.sampled_from(("a", "b", "true", "false", "1", "2026-01-01", "10.0.0.0/8", "a*", "${aws:username}", "*"))
key = st.sampled_from(("aws:username", "aws:PrincipalTag/t", "aws:TagKeys", "aws:CurrentTime", "aws:SourceIp", "aws:n"))
operator = st.builds(
    "{}{}{}".format,
    st.sampled_from(("", "", "ForAnyValue:", "ForAllValues:")),
    st.sampled_from(
        ("StringEquals", "StringNotLike", "NumericLessThan", "DateGreaterThan", "Bool", "NotIpAddress", "ArnLike")
    ),
    st.sampled_from(("", "IfExists")),
) | st.just("Null")
context = st.dictionaries(key, st.sampled_from(("a", "b", "1", "true", "10.1.1.1", "2026-06-01T00:00:00Z", ("a", "b"))))
request = st.builds(
    Request, st.sampled_from(CALLERS), st.sampled_from(ACTIONS), st.sampled_from(RESOURCES), st.just(OWNER), context
)
conditions = st.dictionaries(
    operator, st.dictionaries(key, st.lists(value, min_size=1, max_size=2), max_size=2), max_size=1
)


def some(of: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(of, min_size=1, max_size=3)


@st.composite
def statements(draw: st.DrawFn, named: bool = False, effect: str | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"Effect": effect or draw(st.sampled_from(("Allow", "Allow", "Deny")))}
    made[draw(st.sampled_from(("Action", "Action", "NotAction")))] = draw(some(action))
    made[draw(st.sampled_from(("Resource", "Resource", "NotResource")))] = draw(some(resource))
    made["Condition"] = draw(conditions)
    if named:
        made["Principal"] = {"AWS": draw(some(principal))}
    return made


def document(body: list[dict[str, Any]]) -> Policy:
    return read_policy({"Version": "2012-10-17", "Statement": body})


def policy(named: bool = False) -> st.SearchStrategy[Policy]:
    return st.lists(statements(named), min_size=1, max_size=3).map(document)


def attached(of: st.SearchStrategy[Policy]) -> st.SearchStrategy[Attached]:
    return of.map(lambda one: Attached(one, None, "p", "user"))


policies = st.builds(
    Policies,
    identity=st.lists(attached(policy()), max_size=3).map(tuple),
    resource=st.none() | policy(named=True),
    boundary=st.none() | attached(policy()),
    session=st.none() | policy(),
    scps=st.lists(st.lists(policy(), min_size=1, max_size=2).map(tuple), max_size=2).map(tuple),
    registry=st.none() | policy(named=True),
)


def narrower(less: Decision, more: Decision) -> bool:
    return more.allowed or not less.allowed


def with_statements(one: Policy, extra: Policy) -> Policy:
    return replace(one, statements=one.statements + extra.statements)


@given(request, policies, statements(effect="Deny"), statements(named=True, effect="Deny"))
def test_a_deny_never_allows_more(
    asked: Request, before: Policies, body: dict[str, Any], named: dict[str, Any]
) -> None:
    decided = evaluate(asked, before)
    deny, deny_named = document([body]), document([named])
    added = [replace(before, identity=(*before.identity, Attached(deny, None, "d", "user")))]
    if before.resource:
        added.append(replace(before, resource=with_statements(before.resource, deny_named)))
    if before.registry:
        added.append(replace(before, registry=with_statements(before.registry, deny_named)))
    if before.boundary:
        edge = before.boundary
        added.append(replace(before, boundary=replace(edge, policy=with_statements(edge.policy, deny))))
    if before.session:
        added.append(replace(before, session=with_statements(before.session, deny)))
    if before.scps:
        added.append(replace(before, scps=((*before.scps[0], deny), *before.scps[1:])))
    for after in added:
        assert narrower(evaluate(asked, after), decided)


@given(request, policies, policy())
def test_a_limit_never_allows_more(asked: Request, before: Policies, limit: Policy) -> None:
    unlimited = replace(before, boundary=None, session=None)
    decided = evaluate(asked, unlimited)
    assert narrower(evaluate(asked, replace(unlimited, boundary=Attached(limit, None, "b", "user"))), decided)
    assert narrower(evaluate(asked, replace(unlimited, session=limit)), decided)
    assert narrower(evaluate(asked, replace(unlimited, scps=(*before.scps, (limit,)))), decided)


@given(request, policies, statements(effect="Allow"))
def test_an_allow_never_allows_less(asked: Request, before: Policies, body: dict[str, Any]) -> None:
    after = replace(before, identity=(*before.identity, Attached(document([body]), None, "a", "user")))
    assert narrower(evaluate(asked, before), evaluate(asked, after))


@given(request, policies)
def test_order_is_irrelevant(asked: Request, before: Policies) -> None:
    def turned(one: Policy) -> Policy:
        return replace(one, statements=one.statements[::-1])

    edge = before.boundary
    after = Policies(
        identity=tuple(replace(one, policy=turned(one.policy)) for one in before.identity[::-1]),
        resource=before.resource and turned(before.resource),
        boundary=edge and replace(edge, policy=turned(edge.policy)),
        session=before.session and turned(before.session),
        scps=tuple(tuple(turned(one) for one in level[::-1]) for level in before.scps[::-1]),
        registry=before.registry and turned(before.registry),
    )
    one, other = evaluate(asked, before), evaluate(asked, after)
    assert (one.verdict, one.policy_type) == (other.verdict, other.policy_type)


@given(request, policies)
def test_decisions_explain_themselves(asked: Request, given_policies: Policies) -> None:
    decision = evaluate(asked, given_policies)
    assert explain(decision).startswith("Allowed: " if decision.allowed else "Denied: ")
    assert bool(decision.message) is not decision.allowed
    if decision.verdict == "ExplicitlyDenied":
        assert decision.statement is not None
        assert decision.statement.applied
        assert decision.statement.effect == "Deny"
    if decision.verdict == "ImplicitlyDenied":
        assert not any(row.applied and row.effect == "Deny" for row in decision.trace)


leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | action | resource | value
MORE = ("Condition", "Sid", "Id", "AWS", "StringLike", "Null", "aws:username")
json_value = st.recursive(
    leaf,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    "Version",
                    "Statement",
                    "Effect",
                    "Action",
                    "NotAction",
                    "Resource",
                    "Principal",
                    "NotPrincipal",
                    *MORE,
                )
            ),
            inner | st.sampled_from(("Allow", "Deny", "2012-10-17")),
            max_size=5,
        )
    ),
    max_leaves=20,
)
kinds = st.sampled_from(("identity", "resource", "trust", "boundary", "session", "scp"))


@st.composite
def broken(draw: st.DrawFn) -> Any:
    """A good document with one of its values replaced."""
    top: Any = {"Version": "2012-10-17", "Statement": [draw(statements(named=draw(st.booleans())))]}
    at = top if draw(st.booleans()) else top["Statement"][0]
    at[draw(st.sampled_from((*at, "Sid", "Id", "NotPrincipal")))] = draw(json_value)
    return top


@settings(max_examples=400)
@given(json_value | broken(), kinds, request)
def test_parse_raises_nothing_but_policy_error(found: Any, kind: Any, asked: Request) -> None:
    for given_document in (found, json.dumps(found)):
        try:
            one = parse_policy(given_document, kind)
        except PolicyError:
            assert validate(given_document, kind)
        else:
            explain(evaluate(asked, Policies((Attached(one, None, "p", "user"),), resource=one)))


@given(st.text() | st.binary(), kinds)
def test_any_text_is_refused_in_order(text: str | bytes, kind: Any) -> None:
    try:
        parse_policy(text, kind)
    except PolicyError:
        return
    raise AssertionError("random text is not a policy")


@given(
    st.text(alphabet="ab*?:", max_size=12),
    st.text(alphabet="ab:", max_size=12),
)
def test_wildcards_match_what_their_definition_says(wanted: str, seen: str) -> None:
    def matches(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "*":
            return any(matches(pattern[1:], text[start:]) for start in range(len(text) + 1))
        return bool(text) and pattern[0] in ("?", text[0]) and matches(pattern[1:], text[1:])

    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringLike": {"aws:n": wanted}}}
    asked = Request(CALLERS[0], "ecr:PutImage", "*", OWNER, {"aws:n": seen})
    decided = evaluate(asked, Policies((Attached(document([statement]), None, "p", "user"),)))
    assert decided.allowed is matches(wanted, seen)


@given(st.lists(st.text(alphabet="ab*?", max_size=3), min_size=6, max_size=7), st.text(alphabet="ab:", max_size=16))
def test_arn_parts_match_separately(wanted: list[str], seen: str) -> None:
    """Facts/iam.md 4.1: each of the six parts by itself; a star that ends the pattern takes all that is left."""

    def like(pattern: str, text: str) -> bool:
        statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringLike": {"aws:n": pattern}}}
        asked = Request(CALLERS[0], "ecr:PutImage", "*", OWNER, {"aws:n": text})
        return evaluate(asked, Policies((Attached(document([statement]), None, "p", "user"),))).allowed

    pattern = ":".join(wanted)
    parts, patterns = seen.split(":", 5), pattern.split(":", 5)
    expected = len(parts) == len(patterns) and all(map(like, patterns, parts))
    statement = {"Effect": "Allow", "Action": "*", "Resource": pattern}
    asked = Request(CALLERS[0], "ecr:PutImage", seen, OWNER)
    allowed = evaluate(asked, Policies((Attached(document([statement]), None, "p", "user"),))).allowed
    assert allowed is expected
