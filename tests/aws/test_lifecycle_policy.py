"""Lifecycle policies, evaluated without a store: AWS's documented examples, refusals, and what always holds."""

from __future__ import annotations

import fnmatch
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecrlab.aws.ecr.lifecycle_policy import (
    DAY,
    Image,
    Policy,
    PolicyInvalid,
    compact,
    evaluate,
    next_change,
    parse,
)

NOW = 1_000 * DAY


def image(name: str, age: float, *tags: str, **more: Any) -> Image:
    """Return an image called ``name`` that was pushed ``age`` days before NOW."""
    return Image(name, tags, NOW - age * DAY, **more)


def rule(priority: int, tags: Any, count: int, days: bool = False, **more: Any) -> dict[str, Any]:
    """Return a rule that expires: ``tags`` is "any", "untagged" or a tagPatternList."""
    selection: dict[str, Any] = {"tagStatus": tags, "countType": "imageCountMoreThan", "countNumber": count}
    if isinstance(tags, list):
        selection |= {"tagStatus": "tagged", "tagPatternList": tags}
    if days:
        selection |= {"countType": "sinceImagePushed", "countUnit": "days"}
    return {"rulePriority": priority, "selection": selection | more, "action": {"type": "expire"}}


def transition(priority: int, tags: Any, count: int, days: bool = False, **more: Any) -> dict[str, Any]:
    return {
        **rule(priority, tags, count, days, **more),
        "action": {"type": "transition", "targetStorageClass": "archive"},
    }


def archived_for(priority: int, days: int, tags: Any = "any") -> dict[str, Any]:
    more = {"countType": "sinceImageTransitioned", "storageClass": "archive"}
    return rule(priority, tags, days, True, **more)


def policy(*rules: Any) -> Policy:
    return parse(json.dumps({"rules": rules}))


def outcome(rules: list[Any], images: list[Image], now: float = NOW) -> str:
    """Return what happens, in the order in which it does: "A1" is image A by rule 1, "a1" archived."""
    actions = evaluate(policy(*rules), images, now).actions
    return " ".join(
        f"{each.image.digest if each.action == 'expire' else each.image.digest.lower()}{each.priority or ''}"
        for each in actions
    )


# ------------------------------------------------------------------------------------- AWS's six examples (facts E090)

BETA_AND_PROD = [image("A", 10, "beta-1", "prod-1"), image("B", 9, "beta-2", "prod-2"), image("C", 8, "beta-3")]
EXAMPLES = {
    "prod before beta": ([rule(1, ["prod*"], 1), rule(2, ["beta*"], 1)], BETA_AND_PROD, "A1"),
    "beta before prod": ([rule(1, ["beta*"], 1), rule(2, ["prod*"], 1)], BETA_AND_PROD, "A1 B1"),
    "two patterns, both needed": (
        [rule(1, ["alpha*", "beta*"], 5, days=True)],
        [
            image("A", 12, "alpha-1"),
            image("B", 11, "beta-1"),
            image("C", 10, "alpha-2", "beta-2"),
            image("D", 4, "alpha-3"),
            image("E", 3, "beta-3"),
            image("F", 2, "alpha-4", "beta-4"),
        ],
        "C1",
    ),
    "tags are not exclusive": (
        [rule(1, ["alpha*", "beta*"], 1)],
        [
            image("A", 10, "alpha-1", "beta-1", "gamma-1"),
            image("B", 9, "alpha-2", "beta-2"),
            image("C", 8, "alpha-3", "beta-3", "gamma-2"),
        ],
        "A1 B1",
    ),
    "any": (
        [rule(1, "any", 1)],
        [image("A", 4, "alpha-1"), image("B", 3, "beta-1"), image("C", 2), image("D", 1, "alpha-2")],
        "A1 B1 C1",
    ),
    "all rule types": (
        [rule(1, ["alpha*"], 1), rule(2, "untagged", 1, days=True), rule(3, "any", 1)],
        [
            image("A", 4, "alpha-1", "beta-1"),
            image("B", 3),
            image("C", 2, "alpha-2"),
            image("D", 1, "git hash"),
            image("E", 1),
        ],
        "A1 B2 D3",
    ),
}


@pytest.mark.parametrize(("rules", "images", "expected"), EXAMPLES.values(), ids=EXAMPLES)
def test_aws_own_examples(rules: list[Any], images: list[Image], expected: str) -> None:
    assert outcome(rules, images) == expected
    assert outcome(rules[::-1], images[::-1]) == expected  # neither the text's order nor the listing's counts


# ------------------------------------------------------------------------------------------------- selections and ages


@pytest.mark.parametrize(
    ("pattern", "tag", "fits"),
    [
        ("prod*", "prod", True),
        ("prod*", "preprod", False),
        ("*prod*", "repo-production", True),
        ("prod", "prod1", False),
        ("*a*a*a*a", "aaa", False),
        ("*a*a*a*a", "xaxaxaxa", True),
        ("ab*ba", "aba", False),
        ("v1.*", "v12", False),
        ("*", "x", True),
    ],
)
def test_a_pattern_knows_the_star_only(pattern: str, tag: str, fits: bool) -> None:
    assert (outcome([rule(1, [pattern], 1, days=True)], [image("A", 2, tag)]) == "A1") is fits


def test_prefixes_are_taken_as_they_are() -> None:
    prefixes = rule(1, "tagged", 1, days=True, tagPrefixList=["v1.*", "x"])
    images = [image("A", 2, "v1.*2", "x1"), image("B", 2, "v1.2", "x1"), image("C", 2, "v1.*")]
    assert outcome([prefixes], images) == "A1"


def test_an_age_is_more_than_so_many_days() -> None:
    images = [image("A", 14), image("B", 14 + 1e-6)]
    assert outcome([rule(1, "untagged", 14, days=True)], images) == "B1"


def test_pulled_images_count_from_the_pull_those_never_pulled_from_the_push() -> None:
    since = [transition(1, "any", 30, True, countType="sinceImagePulled")]
    images = [
        image("A", 100, last_pulled_at=NOW - 31 * DAY),
        image("B", 100, last_pulled_at=NOW - 29 * DAY),
        image("C", 31),
        image("D", 29),
        # Restored, and not pulled since: counted from then (facts ecr.md 9.2, step 3).
        image("E", 100, last_pulled_at=NOW - 50 * DAY, last_activated_at=NOW - 29 * DAY),
        image("F", 100, last_pulled_at=NOW - 31 * DAY, last_activated_at=NOW - 60 * DAY),
        image("G", 100, last_activated_at=NOW - 31 * DAY),
    ]
    assert outcome(since, images) == "a1 f1 g1 c1"


def test_a_restored_image_counts_as_young_as_its_restoration() -> None:
    restored = image("A", 100, last_activated_at=NOW - DAY)
    assert outcome([rule(1, "any", 1)], [restored, image("B", 10), image("C", 20)]) == "C1 B1"
    assert outcome([rule(1, "any", 30, days=True)], [restored]) == ""


def test_storage_classes_are_apart() -> None:
    images = [
        image("A", 200, status="ARCHIVED", last_archived_at=NOW - 100 * DAY),
        image("B", 200, status="ARCHIVED", last_archived_at=NOW - 80 * DAY),
        image("C", 200, status="ACTIVATING", last_archived_at=NOW - 100 * DAY),
        image("D", 200),
        image("E", 1),
    ]
    # The rule for standard storage comes first and selects any tag; it shields nothing in the archive.
    assert outcome([transition(1, "any", 30, days=True), archived_for(2, 90)], images) == "A2 d1"
    assert outcome([rule(1, "any", 1)], images) == "D1"


# ----------------------------------------------------------------------------------------- indexes, reference artifacts


def test_what_an_index_names_stays_until_the_index_is_gone() -> None:
    index, child = image("I", 10, "v1"), image("C", 11, named_by=("I",))
    rules = [rule(1, "any", 5, days=True)]
    found = evaluate(policy(*rules), [index, child], NOW)
    assert [each.image.digest for each in found.actions] == ["I"]
    assert [each.image.digest for each in found.held] == ["C"]
    assert outcome(rules, [child]) == "C1"
    assert outcome(rules, [replace(index, status="ARCHIVED"), child]) == "C1"


def test_reference_artifacts_go_where_their_subject_goes() -> None:
    images = [
        image("A", 10, "v1"),
        image("S", 10, subject="A"),
        image("T", 9, "tagged", subject="S"),
        image("B", 1, "v2"),
        image("U", 10, subject="B"),
    ]
    # Untagged and old though they are: U, whose subject stays, is not touched, and none takes a place in a count.
    rules = [rule(1, ["v*"], 1), rule(2, "untagged", 1, days=True)]
    assert outcome(rules, images) == "A1 S1 T1"
    assert outcome([transition(1, ["v*"], 1)], images) == "a1 s1 t1"


def test_a_reference_artifact_without_its_subject() -> None:
    rules = [rule(1, ["nothing"], 1)]
    archived = image("A", 10, status="ARCHIVED", last_archived_at=NOW - DAY)
    assert outcome(rules, [archived, image("S", 10, subject="A")]) == "s"
    assert outcome(rules, [image("S", 1.1, subject="gone"), image("T", 0.9, subject="gone")]) == "S"
    assert outcome([archived_for(1, 90)], [replace(archived, last_archived_at=0.0), image("S", 10, subject="A")]) == (
        "A1 S1"
    )


# ------------------------------------------------------------------------------------------------------ what is refused

ONE = "instance failed to match exactly one schema (matched 0 out of 2)"
GOOD = rule(1, ["prod*"], 3)


def changed(selection: Any = None, action: Any = None, **more: Any) -> dict[str, Any]:
    """Return GOOD with changes; a member that is ... is taken away."""
    result = {**GOOD, **more}
    result["selection"] = {**GOOD["selection"], **(selection or {})}
    result["action"] = {**GOOD["action"], **(action or {})}
    for part in (result, result["selection"], result["action"]):
        for key in [key for key, value in part.items() if value is ...]:
            del part[key]
    return result


MISSING = 'object has missing required properties (["{}"])'
UNKNOWN = 'object instance has properties which are not allowed by the schema: (["{}"])'
ENUM = 'instance value ("{}") not found in enum (possible values: {})'
LEAST = "numeric instance is lower than the required minimum (minimum: {}, found: {})"
EMPTY = "array is too short: must have at least 1 elements but instance has 0 elements"
LONG = "array is too long: must have at most 50 elements but instance has 51 elements"
NOT_LAST = "Rule for tagStatus=ANY must have the lowest priority per storage class"
UNTAGGED = "Only one rule can select Untagged images per storage class."
TYPE = 'instance type ({}) does not match any allowed primitive type (allowed: ["{}"])'
DAYS = {"countType": "sinceImagePushed", "countUnit": "days"}
ARCHIVED = {"countType": "sinceImageTransitioned", "countUnit": "days", "storageClass": "archive", "countNumber": 90}
TO_ARCHIVE = {"type": "transition", "targetStorageClass": "archive"}
REFUSED: list[tuple[Any, str]] = [
    ({}, MISSING.format("rules")),
    ({"rules": {}}, TYPE.format("object", "array")),
    ({"rules": []}, EMPTY),
    ({"rules": ["x"]}, TYPE.format("string", "object")),
    ({"rules": [GOOD], "x": 1}, UNKNOWN.format("x")),
    ([rule(n, [f"a{n}"], 1) for n in range(1, 52)], LONG),
    ([changed(rulePriority=...)], MISSING.format("rulePriority")),
    ([changed(extra=1)], UNKNOWN.format("extra")),
    ([changed(rulePriority="1")], TYPE.format("string", "integer")),
    ([changed(rulePriority=True)], TYPE.format("boolean", "integer")),
    ([changed(rulePriority=0)], LEAST.format(1, 0)),
    ([changed(description=None)], TYPE.format("null", "string")),
    ([changed({"countNumber": 0})], LEAST.format(1, 0)),
    ([changed({"countNumber": 1.5})], TYPE.format("number", "integer")),
    ([changed({"tagStatus": "all"})], ENUM.format("all", '["any","tagged","untagged"]')),
    ([changed({"tagStatus": ["any"]})], TYPE.format("array", "string")),
    ([changed({"tagPatternList": None})], TYPE.format("null", "array")),
    ([changed({"tagPatternList": [1]})], TYPE.format("integer", "string")),
    ([changed({"tagPatternList": []})], EMPTY),
    ([changed({"countType": "sinceImageSeen"})], ONE),
    ([changed({"countType": ["x"]})], ONE),
    ([changed({"countUnit": "days"})], ONE),
    ([changed({"countUnit": None})], ONE),
    ([changed({"countType": "sinceImagePushed"})], ONE),
    ([changed({**DAYS, "countUnit": "hours"})], ENUM.format("hours", '["days"]')),
    ([changed({**DAYS, "countUnit": 1})], ONE),
    ([changed({"storageClass": "archive"})], ONE),
    ([changed({**ARCHIVED, "storageClass": ...})], ONE),
    ([changed({**ARCHIVED, "countNumber": 89})], LEAST.format(90, 89)),
    ([changed(ARCHIVED, TO_ARCHIVE)], ONE),
    ([changed({**DAYS, "countType": "sinceImagePulled"})], ONE),
    ([changed(action={"type": "keep"})], ENUM.format("keep", '["expire","transition"]')),
    ([changed(action={"type": "transition"})], ONE),
    ([changed(action={"targetStorageClass": None})], ONE),
    ([changed(action={"targetStorageClass": "archive"})], ONE),
    ([changed(action={"type": ...})], MISSING.format("type")),
    ([changed(action={"type": 1})], TYPE.format("integer", "string")),
    ([changed({"tagPatternList": ...})], "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED."),
    ([changed({"tagPrefixList": ["a"]})], "Must specify only one of tagPrefixList and tagPatternList."),
    ([changed({"tagStatus": "any"})], "Must specify tagPrefixList or tagPatternList only when tagStatus=TAGGED."),
    ([changed({"tagPatternList": ["*t*e*s*t*"]})], "A tagPatternList entry can have at most 4 wildcards."),
    ([GOOD, rule(1, ["other"], 1)], "Rule priorities must be unique."),
    ([rule(1, "any", 1), rule(2, "untagged", 1)], NOT_LAST),
    ([rule(1, "untagged", 1), rule(2, "untagged", 9, days=True)], UNTAGGED),
    ([GOOD, rule(2, ["prod*"], 9, days=True)], "The tags of a rule must be unique per storage class."),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "text"), REFUSED)
def test_a_refused_policy(wrong: Any, text: str) -> None:
    document = wrong if isinstance(wrong, dict) else {"rules": wrong}
    with pytest.raises(PolicyInvalid) as caught:
        parse(json.dumps(document))
    assert str(caught.value) == text


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '"x"', '{"rules": NaN}', "[" * 20_000, '{"a":' + "9" * 5000 + "}", '{"\\ud800": 1}']
)
def test_what_is_not_json_object(text: str) -> None:
    with pytest.raises(PolicyInvalid, match=r"^Could not map policyString into LifecyclePolicy\.$"):
        parse(text)


def test_every_violation_is_told() -> None:
    with pytest.raises(PolicyInvalid) as caught:
        policy(changed({"tagPatternList": None, "tagPrefixList": None}))
    assert str(caught.value).split("\n") == [TYPE.format("null", "array")] * 2


def test_what_is_accepted() -> None:
    accepted = policy(
        transition(7, ["prod*"], 30, True, countType="sinceImagePulled"),
        rule(1, "tagged", 3, tagPrefixList=["prod"], storageClass="standard"),
        rule(3, ["*test*1*2*3", "test*1*2*3*"], 1),
        rule(20, "untagged", 1, days=True),
        rule(21, "any", 10**30),
        archived_for(40, 90, "untagged"),
        archived_for(50, 365),
    )
    assert [each.priority for each in accepted.rules] == [1, 3, 7, 20, 21, 40, 50]
    kept = '{"rules":[{"rulePriority":1},{"rulePriority":2,"description":"é"}]}'
    assert compact('{ "rules" : [\n{"rulePriority": 2, "description": "é"}, {"rulePriority": 1} ] }') == kept


# ---------------------------------------------------------------------------------------------------- what always holds

tags = st.lists(st.sampled_from(["prod-1", "prod-2", "beta-1", "alpha-1", "x"]), max_size=3, unique=True).map(tuple)
patterns = st.lists(st.sampled_from(["prod*", "beta*", "*1", "*", "x"]), min_size=1, max_size=2, unique=True)


@st.composite
def rule_sets(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Valid policies' rules for images in standard storage and in the archive, with gaps in their numbers."""
    lists = draw(st.lists(patterns, max_size=3, unique_by=frozenset))
    selections: list[Any] = [*lists, *(["untagged"] if draw(st.booleans()) else [])]
    selections = draw(st.permutations(selections))
    if not selections or draw(st.booleans()):
        selections = [*selections, "any"]
    rules = []
    for number, selection in enumerate(selections, 1):
        make = draw(st.sampled_from([rule, transition]))
        rules.append(make(number * 2, selection, draw(st.integers(1, 6)), draw(st.booleans())))
    if draw(st.booleans()):
        rules.append(archived_for(99, 90))
    return draw(st.permutations(rules))


@st.composite
def repositories(draw: st.DrawFn) -> list[Image]:
    """Up to eight images of different ages; some in the archive, some named by an index, some reference artifacts."""
    names = "ABCDEFGH"[: draw(st.integers(0, 8))]
    images = []
    for number, name in enumerate(names):
        status = draw(st.sampled_from(["ACTIVE"] * 4 + ["ARCHIVED", "ACTIVATING"]))
        images.append(
            image(
                name,
                draw(st.integers(0, 8)) + number / 100,
                *draw(tags),
                status=status,
                last_archived_at=None if status == "ACTIVE" else NOW - draw(st.sampled_from([1, 100])) * DAY,
                subject=draw(st.sampled_from([None] * 5 + [*names[:number], "gone"])),
                named_by=tuple(draw(st.lists(st.sampled_from([*names[:number], "Z"]), max_size=1))),
            )
        )
    return images


@settings(max_examples=80, deadline=None)
@given(rule_sets(), repositories())
def test_shielding_and_nothing_outside_a_selection(rules: list[Any], images: list[Image]) -> None:
    parsed = policy(*rules)
    found = evaluate(parsed, images, NOW)
    by_priority = {each.priority: each for each in parsed.rules}
    digests = [each.image.digest for each in found.actions]
    assert len(set(digests)) == len(digests)
    assert not set(digests) & {each.image.digest for each in found.held}
    for action in found.actions:
        if action.image.subject is None:
            assert action.priority is not None
            applied = by_priority[action.priority]
            assert applied.selects(action.image)
            assert action.action == applied.action
            assert not any(each.selects(action.image) for each in parsed.rules if each.priority < applied.priority)
        present = {each.digest: each.status for each in images}
        assert all(present.get(index, "ARCHIVED") == "ARCHIVED" for index in action.image.named_by)
        assert action.image.status != "ACTIVATING" or action.image.subject is not None
        if action.action == "transition":
            assert action.image.status == "ACTIVE"


@settings(max_examples=80, deadline=None)
@given(rule_sets(), repositories())
def test_counts_keep_what_they_say_and_ages_spare_the_young(rules: list[Any], images: list[Image]) -> None:
    parsed = policy(*rules)
    gone = {each.image.digest for each in evaluate(parsed, images, NOW).actions}
    for each in parsed.rules:
        selected = [image for image in images if each.selects(image)]
        if each.count_type == "imageCountMoreThan":
            youngest = sorted(selected, key=lambda image: (each.since(image), image.digest))[-each.count_number :]
            own = {a.image.digest for a in evaluate(Policy((each,)), images, NOW).actions if a.image.subject is None}
            assert not own & {image.digest for image in youngest}
        else:
            own = {a.image.digest for a in evaluate(Policy((each,)), images, NOW).actions if a.image.subject is None}
            assert all(NOW - each.since(i) > each.count_number * DAY for i in selected if i.digest in own)
    assert gone <= {image.digest for image in images}


def oracle(rules: list[Any], images: list[Image]) -> set[str]:
    """The documented steps once more, in few lines and without archive, indexes and artifacts."""

    def identified(each: Any, one: Image) -> bool:
        status, wanted = each["selection"]["tagStatus"], each["selection"].get("tagPatternList", [])
        if status != "tagged":
            return status == "any" or not one.tags
        return all(any(fnmatch.fnmatchcase(tag, pattern) for tag in one.tags) for pattern in wanted)

    gone: set[str] = set()
    seen: set[str] = set()
    for each in sorted(rules, key=lambda each: int(each["rulePriority"])):
        mine = sorted((i for i in images if identified(each, i)), key=lambda i: (-i.pushed_at, i.digest))
        number = each["selection"]["countNumber"]
        aged = each["selection"]["countType"] == "sinceImagePushed"
        marked = [i for i in mine if NOW - i.pushed_at > number * DAY] if aged else mine[number:]
        gone |= {i.digest for i in marked} - seen
        seen |= {i.digest for i in mine}
    return gone


@settings(max_examples=80, deadline=None)
@given(rule_sets(), repositories())
def test_it_agrees_with_the_steps_as_documented(rules: list[Any], images: list[Image]) -> None:
    plain = [Image(each.digest, each.tags, each.pushed_at) for each in images]
    rules = [each for each in rules if "storageClass" not in each["selection"]]
    if rules:
        found = evaluate(policy(*rules), plain, NOW)
        assert {each.image.digest for each in found.actions} == oracle(rules, plain)


@settings(max_examples=80, deadline=None)
@given(rule_sets(), repositories(), st.floats(0, 200))
def test_nothing_changes_before_the_next_change(rules: list[Any], images: list[Image], days: float) -> None:
    parsed = policy(*rules)
    now = evaluate(parsed, images, NOW)
    moment = next_change(parsed, images, NOW)
    later = NOW + days * DAY
    if moment is None or later <= moment:
        assert evaluate(parsed, images, later) == now


def test_the_next_change_of_each_kind() -> None:
    aged, counted = policy(rule(1, "any", 14, days=True)), policy(rule(1, "any", 1))
    images = [image("A", 20), image("B", 13), image("C", 10)]
    assert next_change(aged, images, NOW) == NOW + DAY
    assert next_change(aged, images, NOW + 1.5 * DAY) == NOW + 4 * DAY
    assert next_change(aged, images, NOW + 4 * DAY) == NOW + 4 * DAY
    assert next_change(aged, images, NOW + 5 * DAY) is None
    assert next_change(counted, images, NOW) is None
    assert next_change(counted, [image("S", 0.25, subject="gone")], NOW) == NOW + 0.75 * DAY
