"""Prices, limits and dates: course text names them, `content/facts.toml` holds them with source and date."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

SURE = ("documented", "observed", "second-hand")
_MARK = re.compile(r"\{\{(fact|dated):([a-z0-9-]+)\}\}")


class FactError(Exception):
    """A fact is missing or incomplete; the text names it."""


@cache
def facts(root: Path) -> dict[str, dict[str, Any]]:
    """Return the facts of the course below `root` by name; raise FactError when one lacks text, source, date or ids."""
    with (root / "content" / "facts.toml").open("rb") as file:
        table: dict[str, dict[str, Any]] = tomllib.load(file)
    for name, fact in table.items():
        missing = [key for key in ("text", "source", "date", "facts", "sure") if not fact.get(key)]
        if missing or fact["sure"] not in SURE:
            raise FactError(f"content/facts.toml, [{name}]: wants {', '.join(missing) or 'one of ' + ', '.join(SURE)}.")
    return table


def fill(text: str, root: Path) -> str:
    """Return text with `{{fact:NAME}}` as the fact's words and `{{dated:NAME}}` as its words with month and sureness.

    Raises FactError for a name that facts.toml does not hold.
    """

    def words(match: re.Match[str]) -> str:
        form, name = match.groups()
        fact = facts(root).get(name)
        if fact is None:
            raise FactError(f"content/facts.toml has no fact called {name!r}.")
        if form == "fact":
            return str(fact["text"])
        quoted = ", quoted by others" if fact["sure"] == "second-hand" else ""
        return f"{fact['text']} ({fact['date']:%B %Y}{quoted})"

    return _MARK.sub(words, text)
