"""The words of cards: they stand in content/messages.toml, so that a translation is a folder beside content/."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from ecrlab_course.checkout import course_root

FIELD = re.compile(r"\{([a-z][a-z0-9_]*)\}")
"""A gap in a text of the course: `{held}`. Other braces are braces."""


class MessageError(Exception):
    """A message is missing, or its gaps are not those that are filled; the text names it."""


def fill(text: str, fields: Mapping[str, object]) -> str:
    """Return the text with each gap filled; raise MessageError for one that has no field."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in fields:
            raise MessageError(f"{{{name}}} has nothing to be filled with; there are: {', '.join(fields) or 'none'}.")
        return str(fields[name])

    return FIELD.sub(value, text)


@cache
def messages(root: Path | None = None) -> dict[str, str]:
    """Return the messages of content/messages.toml below `root` (default: the course's) as "table.name": text; cached.

    Raises MessageError for an entry that is not a text, ContentError when there is no course.
    """
    path = (root or course_root()) / "content" / "messages.toml"
    found = {}
    for table, entries in tomllib.loads(path.read_text(encoding="utf-8")).items():
        if not isinstance(entries, dict) or not all(isinstance(text, str) for text in entries.values()):
            raise MessageError(f'{path}: [{table}] holds texts, NAME = "text", and nothing else.')
        found.update({f"{table}.{name}": text.strip("\n") for name, text in entries.items()})
    return found


def say(name: str, /, **fields: object) -> str:
    """Return a message with its gaps filled; raise MessageError when there is none of that name."""
    found = messages()
    if name not in found:
        raise MessageError(f"content/messages.toml has no message {name!r}.")
    try:
        return fill(found[name], fields)
    except MessageError as error:
        raise MessageError(f"content/messages.toml, {name}: {error}") from None
