"""What a page must not tell before its cell has run: the answer to a prediction, the words of a refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ecrlab_course.authoring.cells import READING, Cell, deciding
from ecrlab_course.authoring.content import Source
from ecrlab_course.documents.option import Option
from ecrlab_course.kinds.guess import Guess
from ecrlab_course.kinds.predict import Predict
from ecrlab_course.toolbox.refusals import refusals

IN_NO_HEADING = (
    "no login", "not logged in", "no basic auth", "denied", "unauthorized", "not authorized", "name unknown",
    "manifest unknown", "does not exist", "already exists", "expired",
)  # fmt: skip
"""Words of refusals. The outline shows every heading before anything has run."""
PIECE = 12
"""Letters that a part of a refusal's sentence has at least, to be looked for."""
SENTENCE = 25
"""Letters that a sentence of an option's feedback has at least, to be looked for."""


def found(source: Source, cells: list[Cell]) -> list[str]:
    """Return where the learner's page gives an answer away, as far as a machine can see it."""
    page = [cell for cell in cells if "solution" not in cell.tags]
    return [*_headings(page), *_explained(page), *_told_before(source, page)]


def _headings(page: list[Cell]) -> Iterator[str]:
    for cell in page:
        for heading in re.findall(r"^#{1,6} (.*)$", cell.text, re.MULTILINE) if _is_text(cell) else []:
            for words in IN_NO_HEADING:
                if words in _plainly(heading):
                    yield f"cell {cell.id}: the heading “{heading}” tells “{words}” before any cell has run"


def _explained(page: list[Cell]) -> Iterator[str]:
    """A cell whose outcome is asked for, or that stops, is explained in its reading: nothing else is behind it."""
    for cell in page:
        if cell.fails and (why := _behind(page, cell)):
            yield why


def _told_before(source: Source, page: list[Cell]) -> Iterator[str]:
    for identifier, (card, last) in deciding(page).items():
        options = _predicted(source, identifier)
        if not options:
            continue
        if not last.fails and (why := _behind(page, last)):
            yield why
        words = [*_words(last.fails), *(piece for option in options for piece in _sentences(option.feedback))]
        decides = page.index(last)
        after = page[decides + 1 : decides + 2]
        for cell in (*page[page.index(card) + 1 : decides + 1], *(each for each in after if _is_text(each))):
            for piece in words:
                if piece in _plainly(cell.text):
                    yield f"cell {cell.id} tells “{piece}”, which is asked in {identifier} and seen in {last.id}"


def _behind(page: list[Cell], cell: Cell) -> str:
    """Return what is wrong with the cell behind this one; "" where it is its reading, a new section or no text."""
    after = page[page.index(cell) + 1 :]
    if not after or not _is_text(after[0]) or after[0].text.startswith("#"):
        return ""
    return f"cell {after[0].id} explains {cell.id} before it has run: tag it {READING}, or begin it with a heading"


def _is_text(cell: Cell) -> bool:
    """Tell whether the cell is text that the page shows from the start."""
    return cell.kind == "markdown" and READING not in cell.tags


def _predicted(source: Source, identifier: str) -> tuple[Option, ...]:
    """Return the options of a prediction; none of anything that no cell decides."""
    item = source.exercises.get(identifier) or source.guesses.get(identifier)
    if isinstance(item, Predict) or (isinstance(item, Guess) and item.observe is not None):
        return item.options
    return ()


def _words(fails: str) -> list[str]:
    """Return the words that a cell stops with: those given, or every engine's of the refusal that has this key."""
    refusal = refusals().get(fails)
    if refusal is None:
        return [_plainly(fails)] if fails else []
    texts = [refusal.says, *refusal.prints.values()]
    pieces = {_plainly(piece) for text in texts for piece in re.split(r"\{\w+\}", text)}
    return sorted(piece for piece in pieces if len(piece) >= PIECE)


def _sentences(text: str) -> list[str]:
    return [piece for piece in re.split(r"[.!?:;] ", _plainly(text)) if len(piece) >= SENTENCE]


def _plainly(text: str) -> str:
    """Return text in lower case, on one line, without the signs of markdown."""
    return re.sub(r"\s+", " ", re.sub(r"[`*_]", "", text)).strip(" .,:;").lower()
