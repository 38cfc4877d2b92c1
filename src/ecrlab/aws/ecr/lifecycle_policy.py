"""Lifecycle policies: what their text may say, and what a policy does to the images of a repository.

Pure: no store and no clock. Facts ecr.md section 9, E077 to E092. The texts of refusals are those seen with ECR, whose
validator speaks of JSON schemas (err 37 to 41).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DAY = 86400.0
MOST_RULES = 50  # facts ecr.md 7
MOST_WILDCARDS = 4  # E081
ARCHIVE_DAYS = 90  # E084, E096
LONGEST = 10**6  # days; no lab's clock goes so far

TAG_STATUSES = ("any", "tagged", "untagged")
STORAGE_CLASSES = ("archive", "standard")
# The actions that each count type may have (E084).
COUNT_TYPES = {
    "imageCountMoreThan": ("expire", "transition"),
    "sinceImagePushed": ("expire", "transition"),
    "sinceImagePulled": ("transition",),
    "sinceImageTransitioned": ("expire",),
}
ONE_SCHEMA = "instance failed to match exactly one schema (matched 0 out of 2)"


class PolicyInvalid(ValueError):  # noqa: N818 (an answer, not a failure)
    """A text that is not a lifecycle policy; the message is ECR's."""


@dataclass(frozen=True)
class Image:
    """What an evaluation needs to know of an image; times are epoch seconds, ``status`` is ECR's imageStatus.

    ``named_by`` holds the digests of the indexes that name it; ``subject`` is the digest that a reference artifact
    (signature, SBOM) refers to.
    """

    digest: str
    tags: tuple[str, ...]
    pushed_at: float
    status: str = "ACTIVE"
    last_pulled_at: float | None = None
    last_archived_at: float | None = None
    last_activated_at: float | None = None
    subject: str | None = None
    named_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """One rule of a policy. ``action`` is "expire" or "transition" (to the storage class archive)."""

    priority: int
    description: str | None
    tag_status: str
    patterns: tuple[str, ...]
    prefixes: tuple[str, ...]
    storage_class: str
    count_type: str
    count_number: int
    action: str

    def selects(self, image: Image) -> bool:
        """Tell whether the rule identifies an image by storage class and tags (step 2 of facts ecr.md 9.2).

        No rule selects a reference artifact, which goes where its subject goes, nor an image that is being restored.
        """
        wanted = "ACTIVE" if self.storage_class == "standard" else "ARCHIVED"
        if image.status != wanted or image.subject is not None:
            return False
        if self.tag_status == "any":
            return True
        if self.tag_status == "untagged":
            return not image.tags
        # Every entry of the list has to be matched by one of the image's tags (E080).
        return all(any(tag.startswith(prefix) for tag in image.tags) for prefix in self.prefixes) and all(
            any(_fits(pattern, tag) for tag in image.tags) for pattern in self.patterns
        )

    def since(self, image: Image) -> float:
        """Return the moment from which the rule counts an image's age, and by which it orders images (step 3 and 7)."""
        pushed = image.pushed_at if image.last_activated_at is None else image.last_activated_at
        if self.count_type == "sinceImageTransitioned":
            return pushed if image.last_archived_at is None else image.last_archived_at
        if self.count_type == "sinceImagePulled" and image.last_pulled_at is not None:
            activated = image.last_activated_at
            return image.last_pulled_at if activated is None else max(activated, image.last_pulled_at)
        return pushed

    def marks(self, images: Iterable[Image], now: float) -> list[Image]:
        """Return those of ``images``, which the rule selects, that it would act on, oldest first (step 3)."""
        ordered = sorted(images, key=lambda image: (self.since(image), image.digest))
        if self.count_type == "imageCountMoreThan":
            return ordered[: max(len(ordered) - self.count_number, 0)]
        return [image for image in ordered if now - self.since(image) > self.seconds]

    @property
    def seconds(self) -> float:
        """The age that the rule names."""
        return min(self.count_number, LONGEST) * DAY


@dataclass(frozen=True)
class Policy:
    """A valid policy: its rules, the one with the lowest number and so the highest precedence first."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Action:
    """What happens to one image: "expire" or "transition". ``priority`` is the rule's.

    None: no rule of this evaluation but the fate of a reference artifact's subject before it.
    """

    image: Image
    action: str
    priority: int | None


@dataclass(frozen=True)
class Evaluation:
    """The outcome of a policy at one moment, both in the order oldest push first.

    ``held`` is what rules decided but an index that names the image forbids (step 6): nothing happens to it.
    """

    actions: tuple[Action, ...]
    held: tuple[Action, ...]


# ---------------------------------------------------------------------------------------------------------- evaluation


def evaluate(policy: Policy, images: Sequence[Image], now: float) -> Evaluation:
    """Return what ``policy`` does to the ``images`` of a repository at ``now`` (epoch seconds).

    Every rule is applied to the repository as it is; what an earlier rule selects a later one may count, but not
    touch, whether or not the earlier one acts on it (steps 1 to 5).
    """
    decided: dict[str, Action] = {}
    shielded: set[str] = set()
    for rule in policy.rules:
        selected = [image for image in images if rule.selects(image)]
        for image in rule.marks(selected, now):
            if image.digest not in shielded:
                decided[image.digest] = Action(image, rule.action, rule.priority)
        shielded.update(image.digest for image in selected)
    there = {image.digest: image for image in images}
    held = {digest: action for digest, action in decided.items() if _is_held(action.image, there)}
    acted = {digest: action for digest, action in decided.items() if digest not in held}
    _follow(acted, held, images, there, now)
    return Evaluation(_ordered(acted.values()), _ordered(held.values()))


def next_change(policy: Policy, images: Sequence[Image], after: float) -> float | None:
    """Return the first moment from ``after`` on at which an image becomes old enough for a rule; None: there is none.

    Until then an evaluation of the same images comes to the same end.
    """
    moments = [
        rule.since(image) + rule.seconds
        for rule in policy.rules
        if rule.count_type != "imageCountMoreThan"
        for image in images
        if rule.selects(image)
    ]
    moments += [image.pushed_at + DAY for image in images if image.subject is not None]
    return min((moment for moment in moments if moment >= after), default=None)


def _ordered(actions: Iterable[Action]) -> tuple[Action, ...]:
    return tuple(sorted(actions, key=lambda action: (action.image.pushed_at, action.image.digest)))


def _is_held(image: Image, there: Mapping[str, Image]) -> bool:
    return any(index in there and there[index].status != "ARCHIVED" for index in image.named_by)


def _follow(
    acted: dict[str, Action],
    held: dict[str, Action],
    images: Sequence[Image],
    there: Mapping[str, Image],
    now: float,
) -> None:
    """Add the reference artifacts whose subject goes, is archived, or is gone (step 8), and theirs in turn."""
    artifacts: defaultdict[str, list[Image]] = defaultdict(list)
    waiting = []
    for image in images:
        if image.subject is None:
            continue
        artifacts[image.subject].append(image)
        subject = there.get(image.subject)
        if subject is None:
            # An artifact may be pushed before its subject: it is given a day.
            if now - image.pushed_at > DAY:
                waiting.append(Action(image, "expire", None))
        elif subject.status == "ARCHIVED" and subject.digest not in acted:
            waiting.append(Action(image, "transition", None))
    for action in acted.values():
        waiting += [Action(image, action.action, action.priority) for image in artifacts[action.image.digest]]
    while waiting:
        action = waiting.pop()
        image = action.image
        if action.action == "transition" and image.status != "ACTIVE":
            continue
        if _is_held(image, there):
            held[image.digest] = action
            continue
        acted[image.digest] = action
        waiting += [Action(each, action.action, action.priority) for each in artifacts[image.digest]]


def _fits(pattern: str, tag: str) -> bool:
    """Tell whether a tag matches a pattern, in which ``*`` stands for any characters or none."""
    first, *rest = pattern.split("*")
    if not rest:
        return tag == pattern
    *middle, last = rest
    if not (tag.startswith(first) and tag.endswith(last)) or len(tag) < len(first) + len(last):
        return False
    at, end = len(first), len(tag) - len(last)
    for part in middle:
        found = tag.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


# ------------------------------------------------------------------------------------------------------------- reading


def parse(text: str, most: int = MOST_RULES) -> Policy:
    """Return the policy that ``text`` describes; raise PolicyInvalid with what ECR says of it.

    ``most``: how many rules it may have.
    """
    document = document_of(text)
    wrong = list(_wrong_policy(document, most))
    if wrong:
        raise PolicyInvalid("\n".join(wrong))
    rules = sorted((_rule(rule) for rule in document["rules"]), key=lambda rule: rule.priority)
    for message in _contradictions(rules):
        raise PolicyInvalid(message)
    return Policy(tuple(rules))


def document_of(text: str) -> dict[str, Any]:
    """Return the JSON object that ``text`` is; raise PolicyInvalid when it is none."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        document = json.loads(text, parse_constant=refuse)
        # An escaped lone surrogate is not text: what is kept is written in UTF-8.
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise PolicyInvalid("Could not map policyString into LifecyclePolicy.")
    return document


def compact(text: str) -> str:
    """Return a valid policy's text as ECR keeps it: without white space, its rules by their priority (facts A033)."""
    document = document_of(text)
    rules = sorted(document["rules"], key=lambda rule: int(rule["rulePriority"]))
    return json.dumps({**document, "rules": rules}, separators=(",", ":"), ensure_ascii=False)


def _rule(document: Mapping[str, Any]) -> Rule:
    selection = document["selection"]
    return Rule(
        priority=document["rulePriority"],
        description=document.get("description"),
        tag_status=selection["tagStatus"],
        patterns=tuple(selection.get("tagPatternList", ())),
        prefixes=tuple(selection.get("tagPrefixList", ())),
        storage_class=selection.get("storageClass", "standard"),
        count_type=selection["countType"],
        count_number=selection["countNumber"],
        action=document["action"]["type"],
    )


_NAMES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}


def _wrong_type(value: Any, wanted: str) -> Iterator[str]:
    kind = _NAMES.get(type(value), "null")
    if kind != wanted:
        yield f'instance type ({kind}) does not match any allowed primitive type (allowed: ["{wanted}"])'


def _names(names: Iterable[str]) -> str:
    return json.dumps(sorted(names), separators=(",", ":"), ensure_ascii=False)


def _wrong_object(value: Any, required: Sequence[str], optional: Sequence[str] = ()) -> list[str]:
    wrong = list(_wrong_type(value, "object"))
    if wrong:
        return wrong
    missing = [name for name in required if name not in value]
    if missing:
        wrong.append(f"object has missing required properties ({_names(missing)})")
    unknown = [name for name in value if name not in (*required, *optional)]
    if unknown:
        wrong.append(f"object instance has properties which are not allowed by the schema: ({_names(unknown)})")
    return wrong


def _wrong_word(value: Any, allowed: Sequence[str]) -> Iterator[str]:
    wrong = list(_wrong_type(value, "string"))
    yield from wrong
    if not wrong and value not in allowed:
        word = json.dumps(value, ensure_ascii=False)
        yield f"instance value ({word}) not found in enum (possible values: {_names(allowed)})"


def _wrong_number(value: Any, least: int) -> Iterator[str]:
    wrong = list(_wrong_type(value, "integer"))
    yield from wrong
    if not wrong and value < least:
        yield f"numeric instance is lower than the required minimum (minimum: {least}, found: {value})"


def _wrong_tags(value: Any) -> Iterator[str]:
    wrong = list(_wrong_type(value, "array"))
    yield from wrong
    if not wrong and not value:
        yield "array is too short: must have at least 1 elements but instance has 0 elements"
    for entry in () if wrong else value:
        yield from _wrong_type(entry, "string")


def _wrong_policy(document: dict[str, Any], most: int) -> Iterator[str]:
    wrong = _wrong_object(document, ("rules",))
    yield from wrong
    rules = document.get("rules", [])
    if wrong:
        return
    wrong = list(_wrong_type(rules, "array"))
    yield from wrong
    if wrong:
        return
    if not rules:
        yield "array is too short: must have at least 1 elements but instance has 0 elements"
    if len(rules) > most:
        yield f"array is too long: must have at most {most} elements but instance has {len(rules)} elements"
    for rule in rules[:most]:
        yield from _wrong_rule(rule)


def _wrong_rule(rule: Any) -> Iterator[str]:
    wrong = _wrong_object(rule, ("rulePriority", "selection", "action"), ("description",))
    yield from wrong
    if wrong:
        return
    yield from _wrong_number(rule["rulePriority"], 1)
    if "description" in rule:
        yield from _wrong_type(rule["description"], "string")
    selection, action = rule["selection"], rule["action"]
    wrong_parts = [*_wrong_selection(selection), *_wrong_action(action)]
    yield from wrong_parts
    if not wrong_parts and action["type"] not in COUNT_TYPES[selection["countType"]]:
        yield ONE_SCHEMA


def _wrong_selection(selection: Any) -> Iterator[str]:
    wrong = _wrong_object(
        selection,
        ("tagStatus", "countType", "countNumber"),
        ("tagPatternList", "tagPrefixList", "storageClass", "countUnit"),
    )
    yield from wrong
    if wrong:
        return
    yield from _wrong_word(selection["tagStatus"], TAG_STATUSES)
    for name in ("tagPatternList", "tagPrefixList"):
        if name in selection:
            yield from _wrong_tags(selection[name])
    if "storageClass" in selection:
        yield from _wrong_word(selection["storageClass"], STORAGE_CLASSES)
    count_type, unit = selection["countType"], selection.get("countUnit")
    if not isinstance(count_type, str) or count_type not in COUNT_TYPES:
        yield ONE_SCHEMA
        return
    archived = count_type == "sinceImageTransitioned"
    yield from _wrong_number(selection["countNumber"], ARCHIVE_DAYS if archived else 1)
    if isinstance(unit, str) and unit != "days":
        yield from _wrong_word(unit, ("days",))
    else:
        fits = unit is None if count_type == "imageCountMoreThan" else unit == "days"
        null = "countUnit" in selection and unit is None
        if not fits or null or archived != (selection.get("storageClass") == "archive"):
            yield ONE_SCHEMA


def _wrong_action(action: Any) -> Iterator[str]:
    wrong = _wrong_object(action, ("type",), ("targetStorageClass",))
    yield from wrong
    if wrong:
        return
    wrong = list(_wrong_word(action["type"], ("expire", "transition")))
    yield from wrong
    if wrong:
        return
    wanted = {"type": "transition", "targetStorageClass": "archive"}
    if action["type"] == "transition" and isinstance(action.get("targetStorageClass"), str):
        yield from _wrong_word(action["targetStorageClass"], ("archive",))
    elif action not in ({"type": "expire"}, wanted):
        yield ONE_SCHEMA


def _contradictions(rules: Sequence[Rule]) -> Iterator[str]:
    """What the rules may not say together, or one of them may not (E077 to E081, E087), ``rules`` by priority."""
    if len({rule.priority for rule in rules}) < len(rules):
        yield "Rule priorities must be unique."
    for rule in rules:
        lists = bool(rule.patterns) + bool(rule.prefixes)
        if rule.tag_status == "tagged" and lists == 0:
            yield "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED."
        if rule.tag_status == "tagged" and lists == 2:
            yield "Must specify only one of tagPrefixList and tagPatternList."
        if rule.tag_status != "tagged" and lists:
            yield "Must specify tagPrefixList or tagPatternList only when tagStatus=TAGGED."
        if any(pattern.count("*") > MOST_WILDCARDS for pattern in rule.patterns):
            yield f"A tagPatternList entry can have at most {MOST_WILDCARDS} wildcards."
    for storage_class in STORAGE_CLASSES:
        same = [rule for rule in rules if rule.storage_class == storage_class]
        if sum(rule.tag_status == "untagged" for rule in same) > 1:
            yield "Only one rule can select Untagged images per storage class."
        if any(rule.tag_status == "any" for rule in same[:-1]):
            yield "Rule for tagStatus=ANY must have the lowest priority per storage class"
        tagged = [(frozenset(rule.patterns), frozenset(rule.prefixes)) for rule in same if rule.tag_status == "tagged"]
        if len(set(tagged)) < len(tagged):
            yield "The tags of a rule must be unique per storage class."
