"""What a code host shows of the notebooks: no picture from another folder, no styles, no drawings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).parent.parent.parent
NOTEBOOKS = sorted(path for shelf in ("notebooks", "labs", "solutions") for path in (ROOT / shelf).glob("*.ipynb"))
INLINE = ("a", "abbr", "b", "code", "em", "i", "kbd", "label", "mark", "q", "small", "span", "strong", "tspan")


def texts(path: Path) -> Iterator[tuple[str, str]]:
    """Every text of a notebook that is Markdown or HTML, with its cell's id."""
    cells: list[Any] = nbformat.read(path, as_version=4).cells
    for cell in cells:
        if cell.cell_type == "markdown":
            yield cell.id, cell.source
        for output in cell.get("outputs", []):
            yield cell.id, output.get("data", {}).get("text/html", "")


class Words(HTMLParser):
    """Finds words that are apart because of a style alone: nothing between them but the ends of inline elements."""

    def __init__(self) -> None:
        super().__init__()
        self.run_together: list[str] = []
        self._before, self._element, self._inside_style = "", False, False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside_style = tag == "style"
        self._passed(tag)

    def handle_endtag(self, tag: str) -> None:
        self._inside_style = False
        self._passed(tag)

    def _passed(self, tag: str) -> None:
        self._element = True
        if tag not in INLINE:
            self._before = ""

    def handle_data(self, data: str) -> None:
        if self._inside_style:
            return
        if self._element and re.search(r"[\w.,:;)?!✓✗·…]$", self._before) and re.match(r"[\w✓✗·→({]", data):
            self.run_together.append(f"{self._before[-20:]}|{data[:20]}")
        self._before, self._element = data, False


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_a_notebook_names_lies_beside_it(path: Path) -> None:
    lost = []
    for cell, text in texts(path):
        for target in re.findall(r"\]\(([^)\s]+)", text) + re.findall(r'(?:src|href)="([^"]+)"', text):
            place = target.partition("#")[0]
            if place and not re.match(r"[a-z]+:", place) and (".." in place or not (path.parent / place).is_file()):
                lost.append(f"{cell}: {target}")
    assert lost == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_words_stand_apart_without_styles(path: Path) -> None:
    found = []
    for cell, text in texts(path):
        words = Words()
        words.feed(text)
        found += [f"{cell}: {each}" for each in words.run_together]
    assert found == []


def test_no_card_puts_one_inline_element_right_behind_another() -> None:
    """Cards that no stored output shows: the same asked of what the code writes."""
    tags = "|".join(INLINE)
    found = []
    for path in sorted((ROOT / "src" / "ecrlab_course").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            text = "".join(
                part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "\0" for part in parts
            )
            found += [f"{path.name}: {hit.group()}" for hit in re.finditer(rf"</({tags})><({tags})[ >]", text)]
    assert found == []


def test_the_parser_sees_what_runs_together() -> None:
    words = Words()
    words.feed("<b>04-e1</b><span>passed</span> <code>a</code>, <i>b</i> c<p>d</p>e<style>f</style>")
    assert words.run_together == ["04-e1|passed"]
