"""Spans of time as people write and read them: the steps of the lab's clock."""

from __future__ import annotations

import re

_SECONDS = {"w": 7 * 86400, "d": 86400, "h": 3600, "m": 60, "min": 60, "s": 1}
_PART = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(w|d|h|min|m|s)"


def seconds_of(text: str) -> float:
    """Return the seconds in a step such as "+13h", "+2d" or "+1h30m"; raises ValueError when it is none.

    Weeks w, days d, hours h, minutes m or min, seconds s; the sign may be left out.
    """
    if not re.fullmatch(rf"\+?(?:{_PART})+", text):
        raise ValueError(f"{text!r} is not a step of the clock.")
    return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(_PART, text))


def ahead(seconds: float) -> str:
    """Return a span in words: 43260 gives "12 h 1 min", 90000 "1 d 1 h"."""
    minutes = round(seconds / 60)
    parts = [(minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min")]
    words = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(words) or f"{round(seconds)} s"
