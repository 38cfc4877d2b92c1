"""The part of Go's templates that `docker inspect -f` and `--format` are used with in practice.

Fields, `json`, `index`, `len`, `join`, `println`, `upper`, `lower`, `if`, `else`, `range`, `end`, pipes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class TemplateError(ValueError):
    """A template that cannot be read or carried out; the message is docker's."""


class NilMap(dict[str, Any]):
    """A map that is not set: printed as map[], and null in JSON."""


class NilList(list[Any]):
    """A list that is not set: printed as [], and null in JSON."""


@dataclass(frozen=True)
class _Piece:
    text: str
    at: int
    action: bool


def _fail(text: str, at: int | None = None) -> TemplateError:
    place = "template: :1" + (f":{at}" if at is not None else "")
    return TemplateError(f"template parsing error: {place}: {text}")


def render(template: str, data: Any, *, missing: str = 'map has no entry for key "{}"') -> str:
    """Return the template filled from data. Raises TemplateError.

    `missing` is the text for a field that is not there, with {} for its name.
    """
    pieces = _split(template)
    out, rest = _run(pieces, 0, data, data, missing)
    if rest != len(pieces):
        raise _fail(f"unexpected {{{{{pieces[rest].text}}}}}")
    return out


def _split(template: str) -> list[_Piece]:
    pieces, at = [], 0
    while (start := template.find("{{", at)) >= 0:
        end = template.find("}}", start)
        if end < 0:
            raise _fail("unclosed action")
        before, inside, after = template[at:start], template[start + 2 : end], end + 2
        offset = start + 2
        if inside.startswith("- "):
            before, inside, offset = before.rstrip(), inside[1:], offset + 1
        if inside.endswith(" -"):
            inside = inside[:-1]
            after += len(template[after:]) - len(template[after:].lstrip())
        pieces.append(_Piece(before, at, False))
        pieces.append(_Piece(inside.strip(), offset + len(inside) - len(inside.lstrip()), True))
        at = after
    pieces.append(_Piece(template[at:], at, False))
    return pieces


def _run(pieces: list[_Piece], at: int, dot: Any, root: Any, missing: str, skip: bool = False) -> tuple[str, int]:
    """Carry out pieces until an `end` or `else` that belongs to the caller; return the text and where that stands."""
    out: list[str] = []
    while at < len(pieces):
        piece = pieces[at]
        word = piece.text.partition(" ")[0] if piece.action else ""
        if word in ("end", "else"):
            return "".join(out), at
        if not piece.action:
            out.append("" if skip else piece.text)
        elif word in ("if", "range", "with"):
            inner = _Piece(piece.text.partition(" ")[2].strip(), piece.at + len(word) + 1, True)
            value = None if skip else _pipeline(inner, dot, root, missing)
            text, at = _block(pieces, at + 1, word, value, dot, root, missing, skip)
            out.append(text)
        elif not skip and not piece.text.startswith("/*"):
            out.append(show(_pipeline(piece, dot, root, missing)))
        at += 1
    return "".join(out), at


def _block(
    pieces: list[_Piece], at: int, word: str, value: Any, dot: Any, root: Any, missing: str, skip: bool
) -> tuple[str, int]:
    items: list[Any] = []
    if word == "range":
        items = list(value.values()) if isinstance(value, dict) else list(value or [])
    elif value:
        items = [value if word == "with" else dot]
    text, end = _run(pieces, at, items[0] if items else dot, root, missing, skip or not items)
    for item in items[1:]:
        text += _run(pieces, at, item, root, missing, skip)[0]
    if end < len(pieces) and pieces[end].text == "else":
        other, end = _run(pieces, end + 1, dot, root, missing, skip or bool(items))
        text += other
    if end >= len(pieces):
        raise _fail("unexpected EOF")
    return text, end


_TOKEN = re.compile(r'\s*("(?:\\.|[^"\\])*"|`[^`]*`|\||[^\s|]+)')


def _pipeline(piece: _Piece, dot: Any, root: Any, missing: str) -> Any:
    groups: list[list[tuple[str, int]]] = [[]]
    for match in _TOKEN.finditer(piece.text):
        if match[1] == "|":
            groups.append([])
        else:
            groups[-1].append((match[1], piece.at + match.start(1)))
    if not groups[0]:
        raise _fail("missing value for command")
    value: Any = None
    for position, group in enumerate(groups):
        (head, at), rest = group[0], group[1:]
        values = [_value(text, where, dot, root, missing) for text, where in rest]
        values += [value] if position else []
        if head[0] in '.$"`' or head.lstrip("-").isdigit():
            value = _value(head, at, dot, root, missing)
        elif head not in _FUNCTIONS:
            raise _fail(f'function "{head}" not defined')
        else:
            value = _call(head, values, f"{head} " + " ".join(text for text, _ in rest), at)
    return value


def _call(head: str, values: list[Any], shown: str, at: int) -> Any:
    try:
        return _FUNCTIONS[head](*values)
    except IndexError:
        index = values[-1] if values else ""
        why = f'executing "" at <{shown.strip()}>: error calling {head}: index out of range: {index}'
        raise _fail(why, at) from None
    except (TypeError, KeyError, ValueError) as error:
        raise _fail(f'executing "" at <{shown.strip()}>: error calling {head}: {error}', at) from None


def _value(text: str, at: int, dot: Any, root: Any, missing: str) -> Any:
    if text[0] == '"':
        return json.loads(text)
    if text[0] == "`":
        return text[1:-1]
    if text.lstrip("-").isdigit():
        return int(text)
    value = root if text[0] == "$" else dot
    path = text.removeprefix("$")
    where = at + (text[0] == "$")
    for part in path.split(".")[1:]:
        if not part:
            continue
        if not isinstance(value, dict) or part not in value:
            full = f'executing "" at <{text}>: ' + (
                missing.format(part)
                if isinstance(value, dict)
                else f"can't evaluate field {part} in type interface {{}}"
            )
            raise _fail(full, where)
        value = value[part]
        where += len(part) + 1
    return value


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else _at(value, key)
    return value


def _at(value: Any, key: int) -> Any:
    if key < 0:
        raise IndexError
    return value[key]


def plain(value: Any) -> Any:
    """Return a value with null for maps and lists that are not set."""
    if isinstance(value, (NilMap, NilList)):
        return None
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def go_json(value: Any) -> str:
    """Return JSON as Go writes it: no blanks, and <, > and & escaped."""
    text = json.dumps(plain(value), separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "json": go_json,
    "index": _index,
    "len": len,
    "join": lambda values, glue="": str(glue).join(map(str, values)),
    "println": lambda *values: " ".join(map(show, values)) + "\n",
    "print": lambda *values: "".join(map(show, values)),
    "upper": lambda text: str(text).upper(),
    "lower": lambda text: str(text).lower(),
    "title": lambda text: str(text).title(),
    "eq": lambda first, *others: first in others,
    "ne": lambda first, other: first != other,
    "not": lambda value: not value,
}


def show(value: Any) -> str:
    """Return a value as Go prints it: lists as [a b], maps as map[k:v]."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{show(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(map(show, value)) + "]"
    return str(value)
