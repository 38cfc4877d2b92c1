"""The reader of the percent format, in which a lesson's source (lesson.py) is written.

A kernel reads it, and jupytext, whose format it is, takes two seconds to import; a test holds that both read the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_MARKER = re.compile(r"# %%(?: (\[markdown\]))?((?: .*)?)$")
_HEAD = re.compile(r"\A# ---\n(?:#.*\n)*?# ---\n")
_VALUE = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\[[^\]]*\]|\S+)')


def percent(text: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the cells of a text in the percent format: "code" or "markdown", the text, the metadata.

    Raises ValueError when the metadata of one cannot be read.
    """
    kind, lines = "", list[str]()
    metadata: dict[str, Any] = {}

    def made() -> tuple[str, str, dict[str, Any]]:
        body = lines if kind == "code" else [re.sub(r"^# ?", "", line) for line in lines]
        return kind, "\n".join(body).strip("\n"), metadata

    for line in _HEAD.sub("", text).splitlines():
        marker = _MARKER.match(line)
        if marker is None:
            lines.append(line)
            continue
        if kind:
            yield made()
        kind, lines = "markdown" if marker[1] else "code", []
        metadata = {key: json.loads(value) for key, value in _VALUE.findall(marker[2])}
    if kind:
        yield made()
