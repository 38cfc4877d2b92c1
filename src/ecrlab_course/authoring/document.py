"""Exercises as documents: eN.md holds every word that a learner reads, eN.py what was seen and what it is called.

A document is front matter, a prompt, and sections (# ...) with parts (## ...). Its kind reads it; what a kind does not
ask for, and what it misses, is refused with file and line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from ecrlab_course.authoring.facts import FactError, fill
from ecrlab_course.documents.code import Code, module_of
from ecrlab_course.documents.page import Page
from ecrlab_course.documents.sections import DocumentError, Fault, Sections, parse
from ecrlab_course.kinds.base import Question
from ecrlab_course.kinds.register import KINDS

STEM = re.compile(r"[a-z]+\d+")
"""The name of a document without its ending: e1, g3, r2, i1, m4; behind the lesson's id it is the exercise's id."""


def documents(folder: Path) -> list[Path]:
    """Return the lesson's documents: in each letter by number.

    Raises DocumentError for Python that stands beside no document.
    """
    found = [path for path in folder.glob("*.md") if STEM.fullmatch(path.stem)]
    alone = [path for path in folder.glob("*.py") if STEM.fullmatch(path.stem) and path.with_suffix(".md") not in found]
    if alone:
        raise DocumentError(
            "\n".join(str(Fault(path, 1, f"has no {path.stem}.md beside it")) for path in sorted(alone))
        )
    return sorted(found, key=lambda path: (path.stem.rstrip("0123456789"), int(re.sub(r"\D", "", path.stem))))


def kind_of(path: Path) -> str:
    """Return the kind that a document's front matter names, without reading further; "" where it names none."""
    front = path.read_text(encoding="utf-8").partition("\n---")[0]
    named = re.search(r"^kind:[ \t]*([\w-]+)", front, re.MULTILINE)
    return named[1] if named else ""


def read(path: Path) -> Sections:
    """Return what stands in a document of a lesson or lab, its facts in words. Raises DocumentError for one unknown."""
    try:
        return parse(path, lambda text: fill(text, path.parents[3]))
    except FactError as error:
        raise DocumentError(str(Fault(path, 1, str(error)))) from None


def load(path: Path, identifier: str, package: str, state: ModuleType | None, checkpoints: Iterable[str]) -> Question:
    """Return the exercise or guess that a document declares.

    `package` is what `package_of` made of its folder, `state` its state.py. Raises DocumentError.
    """
    code = path.with_suffix(".py")
    page = Page(identifier, read(path), Code(code, module_of(package, code), state), checkpoints)
    word = page.word("kind", wanted=True)
    kind = KINDS.get(word)
    if kind is None:
        if word:
            page.fault(page.line("kind"), f"kind: there is no {word!r}; there are: {', '.join(KINDS)}")
        raise DocumentError("\n".join(str(fault) for fault in page.faults))
    try:
        made = kind.read(page)
    except ValueError as error:
        if not page.faults:
            page.fault(1, str(error))
        page.close()
        raise
    page.close()
    return made
