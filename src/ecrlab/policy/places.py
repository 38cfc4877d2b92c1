"""Places: where in a policy's text the thing stands that IAM refuses, and what IAM accepts without a meaning."""

import difflib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ecrlab.policy.condition import OPERATORS
from ecrlab.policy.document import NOT_JSON, PolicyKind, read_policy
from ecrlab.policy.errors import PolicyError
from ecrlab.policy.pattern import Style, pattern
from ecrlab.policy.validation import validate

Path = tuple[str | int, ...]

_DECODER = json.JSONDecoder()

_TOP = ("Version", "Id", "Statement")
_ELEMENTS = (
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """A place in a policy's text: `line` and `column` count from 1, `word` is what stands there.

    `message` is IAM's text, or for a note (`refused` false) what the word does although IAM accepts it. `hint` says in
    plain words what was expected; "" when the message does.
    """

    message: str
    line: int
    column: int
    word: str
    hint: str = ""
    refused: bool = True

    def __str__(self) -> str:
        at = f"line {self.line}, at {self.word}" if self.word else f"line {self.line}"
        return f"{at}: {self.message}" + (f" ({self.hint})" if self.hint else "")


@dataclass(frozen=True, slots=True)
class _Span:
    """Start and end of a key (None in a list and at the top) and of its value."""

    key: tuple[int, int] | None
    value: tuple[int, int]


class _Map:
    """Where each key and value of a JSON text stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans: dict[Path, _Span] = {}
        self.twice: list[tuple[int, int]] = []
        self._value((), 0, None)

    def _space(self, at: int) -> int:
        while at < len(self.text) and self.text[at] in " \t\r\n":
            at += 1
        return at

    def _string(self, at: int) -> tuple[str, int]:
        value, end = _DECODER.raw_decode(self.text, at)
        return str(value), end

    def _value(self, path: Path, at: int, key: tuple[int, int] | None) -> int:
        at = start = self._space(at)
        opener = self.text[at]
        if opener in "{[":
            at = self._space(at + 1)
            index = 0
            while self.text[at] not in "}]":
                found: tuple[int, int] | None = None
                step: str | int = index
                if opener == "{":
                    step, end = self._string(at)
                    found = (at, end)
                    at = self._space(end) + 1  # the colon
                    if (*path, step) in self.spans:
                        self.twice.append(found)
                at = self._space(self._value((*path, step), at, found))
                if self.text[at] == ",":
                    at = self._space(at + 1)
                index += 1
            at += 1
        else:
            at = _DECODER.raw_decode(self.text, at)[1]
        self.spans[path] = _Span(key, (start, at))
        return at

    def key(self, *path: str | int) -> tuple[int, int]:
        span = self.spans[path]
        return span.key or span.value

    def value(self, *path: str | int) -> tuple[int, int]:
        return self.spans[path].value


def problem(text: str, kind: PolicyKind = "identity") -> Problem | None:
    """Return what IAM would refuse in a policy's text, with its place; None when IAM would accept it."""
    message = validate(text, kind)
    if message is None:
        return None
    try:
        document = json.loads(text)
        places = _Map(text)
    except json.JSONDecodeError as error:
        return _no_json(text, error)
    except (ValueError, RecursionError, IndexError):
        return Problem(message, 1, 1, "")
    span, hint = _culprit(document, places, message, kind)
    return _at(text, span, message, hint)


def statement_places(text: str) -> tuple[tuple[tuple[int, int], tuple[int, int]], ...]:
    """Return where each statement of a well-formed policy begins and ends: (line, column), counted from 1.

    The end is the place after the statement's last sign.
    """
    places, document = _Map(text), json.loads(text)
    statements = document["Statement"]
    paths: list[Path] = [("Statement",)]
    if isinstance(statements, list):
        paths = [("Statement", index) for index in range(len(statements))]
    spans = (places.value(*path) for path in paths)
    return tuple((line_column(text, start), line_column(text, end)) for start, end in spans)


def line_column(text: str, place: int) -> tuple[int, int]:
    """Return line and column of a place in a text, both counted from 1."""
    return text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place)


def _no_json(text: str, error: json.JSONDecodeError) -> Problem:
    hint = error.msg[0].lower() + error.msg[1:]
    place = min(error.pos, len(text))
    if error.msg.startswith("Expecting ',' delimiter"):
        before = text[:place].rstrip()
        opening = before.rfind('"', 0, -1) if before.endswith('"') else len(before) - 1
        if before:
            return _at(text, (opening, len(before)), NOT_JSON, "a comma, or a closing bracket, is missing after this")
    elif text[:place].rstrip().endswith(",") and text[place : place + 1] in ("}", "]"):
        comma = text.rindex(",", 0, place)
        return _at(text, (comma, comma + 1), NOT_JSON, "nothing follows this comma: delete it")
    elif error.msg.startswith("Expecting property name"):
        hint = "a name in double quotes goes here"
    elif error.msg.startswith("Expecting value"):
        hint = "a value is missing here" if text[place : place + 1] else "the text ends too early"
    elif error.msg.startswith("Extra data"):
        hint = "the policy has ended before this"
    if text.startswith("\ufeff"):
        return Problem(NOT_JSON, 1, 1, "", "an invisible mark (BOM, U+FEFF) stands before the first brace: delete it")
    if not text[place:].strip():
        hint = "the text ends too early: a bracket is not closed"
        place = max(len(text.rstrip()) - 1, 0)
    return _at(text, (place, place), NOT_JSON, hint)


def _at(text: str, span: tuple[int, int], message: str, hint: str, refused: bool = True) -> Problem:
    start, end = span
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1) + 1
    word = text[start:end].split("\n")[0] if end > start else _word(text, start)
    return Problem(message, line, column, word if len(word) <= 60 else word[:59] + "…", hint, refused)


def _word(text: str, start: int) -> str:
    """The word, string or sign that begins at a place."""
    rest = text[start:].split("\n")[0]
    if rest.startswith('"') and '"' in rest[1:]:
        return rest[: rest.index('"', 1) + 1]
    end = next((i for i, sign in enumerate(rest) if i and sign in ' \t,:{}[]"'), len(rest))
    return rest[:end]


def _sound(kind: PolicyKind) -> dict[str, Any]:
    """A statement of this kind that IAM accepts, to put suspects into one by one."""
    statement: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole" if kind == "trust" else "ecr:PutImage"}
    if kind in ("trust", "resource"):
        statement["Principal"] = {"AWS": "*"}
    if kind not in ("trust", "resource"):
        statement["Resource"] = "*"
    return statement


def _culprit(document: object, places: _Map, message: str, kind: PolicyKind) -> tuple[tuple[int, int], str]:
    if places.twice:
        return places.twice[0], "this name stands here a second time"
    whole = places.value()
    if not isinstance(document, dict):
        return whole, "a policy is an object in braces"
    for key, value in document.items():
        if key not in _TOP:
            return places.key(key), _like(key, _TOP)
        if key == "Version" and value not in ("2012-10-17", "2008-10-17"):
            return places.value(key), 'the version of the policy language is "2012-10-17"; it is not a date to change'
        if key == "Id" and not isinstance(value, str):
            return places.value(key), "a text"
    if "Statement" not in document:
        return (whole[0], whole[0] + 1), "a policy has a Statement"
    statements = document["Statement"]
    single = isinstance(statements, dict)
    if not isinstance(statements, dict | list) or not statements:
        return places.value("Statement"), "a list of statements, or one"
    seen: set[object] = set()
    for index, statement in enumerate([statements] if single else statements):
        at: Path = ("Statement",) if single else ("Statement", index)
        if not isinstance(statement, dict):
            return places.value(*at), "a statement is an object in braces"
        found = _in_statement(statement, at, places, message, kind)
        if found is not None:
            return found
        sid = statement.get("Sid")
        if kind != "resource" and sid and sid in seen:
            return places.value(*at, "Sid"), "an earlier statement has this Sid"
        seen.add(sid)
    return whole, ""


def _in_statement(
    statement: dict[str, Any], at: Path, places: _Map, message: str, kind: PolicyKind
) -> tuple[tuple[int, int], str] | None:
    if validate({"Version": "2012-10-17", "Statement": statement}, kind) != message:
        return None
    for element in ("Action", "Resource", "Principal"):
        if element in statement and f"Not{element}" in statement:
            return places.key(*at, f"Not{element}"), f"a statement has {element} or Not{element}, not both"
    for key, value in statement.items():
        if key not in _ELEMENTS:
            return places.key(*at, key), _like(key, _ELEMENTS)
        if _says(kind, key, value) != message:
            continue
        if key == "Effect":
            return places.value(*at, key), 'the Effect is "Allow" or "Deny", written just so'
        if key == "Condition":
            return _in_condition(value, (*at, key), places, message, kind)
        for path, part in _parts(value, (*at, key)):
            if _says(kind, key, part) == message:
                return places.value(*path), _expected(key, part)
        return places.key(*at, key), _expected(key, value)
    missing = [
        element
        for element in ("Effect", "Action", "Resource", "Principal")
        if element in _sound(kind) | {"Effect": ""} and not {element, f"Not{element}"} & set(statement)
    ]
    start = places.value(*at)[0]
    return (start, start + 1), f"{missing[0]} is missing in this statement" if missing else ""


def _says(kind: PolicyKind, key: str, value: object) -> str | None:
    """What IAM says about a sound statement with this one element in it."""
    trial = _sound(kind)
    if key.startswith("Not"):
        trial.pop(key[3:], None)
    if key == "NotPrincipal":
        trial["Effect"] = "Deny"
    trial[key] = value
    return validate({"Version": "2012-10-17", "Statement": [trial]}, kind)


def _parts(value: object, path: Path) -> Iterator[tuple[Path, object]]:
    """The single values of an element, each as it would stand alone."""
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield (*path, index), each
    elif isinstance(value, dict):
        for key, names in value.items():
            for where, each in _parts(names, (*path, key)):
                yield where, {key: each}
    else:
        yield path, value


def _in_condition(value: object, at: Path, places: _Map, message: str, kind: PolicyKind) -> tuple[tuple[int, int], str]:
    if not isinstance(value, dict):
        return places.value(*at), "a Condition is an object of operators"
    for operator, keys in value.items():
        name = operator.split(":")[-1].removesuffix("IfExists")
        if name not in OPERATORS:
            return places.key(*at, operator), _like(name, OPERATORS)
        if not isinstance(keys, dict):
            return places.value(*at, operator), "an operator is followed by an object of condition keys"
        for key, wanted in keys.items():
            if _says(kind, "Condition", {operator: {key: wanted}}) == message:
                good = ":" in key
                return (places.value if good else places.key)(*at, operator, key), "" if good else "as aws:SourceIp"
    return places.value(*at), ""


def _expected(key: str, value: object) -> str:
    if key in ("Action", "NotAction") and isinstance(value, str) and ":" not in value:
        return f'with its service in front, as "ecr:{value}"'
    if key in ("Resource", "NotResource") and isinstance(value, str) and not value.startswith("arn:"):
        return 'as "arn:aws:ecr:us-east-1:123456789012:repository/my-web-app"'
    return ""


def _like(word: str, names: Iterable[str]) -> str:
    by_lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.6)
    return (
        f"did you mean {by_lower[near[0]]}?" if near else f"there is no {word}; there is {', '.join(by_lower.values())}"
    )


def notes(text: str, actions: Iterable[str], kind: PolicyKind = "identity") -> list[Problem]:
    """Return the actions of a policy that IAM accepts and that no request ever has (I028), with their places.

    Args:
        text: the policy's text; one that IAM refuses gives no notes.
        actions: every action of the services that are known; what belongs to another service is not judged.
        kind: what the policy is for.
    """
    try:
        read_policy(text, kind)
        places = _Map(text)
        document = json.loads(text)
    except (PolicyError, ValueError, RecursionError, IndexError):
        return []
    by_lower = {action.lower(): action for action in actions}
    services = {action.partition(":")[0] for action in by_lower}
    found = []
    statements = document["Statement"]
    for index, statement in enumerate([statements] if isinstance(statements, dict) else statements):
        at: Path = ("Statement",) if isinstance(statements, dict) else ("Statement", index)
        for key in ("Action", "NotAction"):
            for path, value in _parts(statement.get(key, []), (*at, key)):
                name = str(value).lower()
                if name.partition(":")[0] not in services or name in by_lower:
                    continue
                wanted = pattern(name, Style.GLOB, False)
                if any(wanted.matches(action, {}) for action in by_lower):
                    continue
                near = difflib.get_close_matches(name, list(by_lower), n=1, cutoff=0.6)
                hint = f"did you mean {by_lower[near[0]]}?" if near else ""
                said = "IAM accepts this, but no request ever has this action: it allows and denies nothing."
                found.append(_at(text, places.value(*path), said, hint, refused=False))
    return found
