"""What stands behind `%%bash`, and why a script failed, in words."""

from __future__ import annotations

import re
import shlex

from ecrlab.home import NOBODY, PROFILES
from ecrlab_course.messages import say
from ecrlab_course.notebook.paragraph import CellFailed


def read_arguments(line: str) -> tuple[str, str | None]:
    profile, expected = "admin", None
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise CellFailed(say("cell.first_line", error=error)) from None
    while words:
        word = words.pop(0)
        if word in ("--as", "--fails") and not words:
            raise CellFailed(say("cell.option", option=word))
        if word == "--as":
            profile = words.pop(0)
            if profile not in (*PROFILES, NOBODY) and not re.fullmatch(r"drill(/[\w+=,.@-]+)?", profile):
                raise CellFailed(say("cell.nobody", profile=repr(profile), profiles=", ".join(PROFILES)))
        elif word == "--fails":
            expected = words.pop(0)
        else:
            raise CellFailed(say("cell.unknown", word=repr(word)))
    return profile, expected


def failure_words(code: int, output: str) -> str:
    words = say("cell.failed", code=code)
    if "unbound variable" in output:
        return f"{words} {say('cell.unset')}"
    if code in (124, 127):
        return f"{words} {say(f'cell.code_{code}')}"
    return words if output.strip() else f"{words} {say('cell.silent')}"
