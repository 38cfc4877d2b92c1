"""The explorer's pictures: they say what the text says, to eyes and to screen readers, and show names as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ecrlab.client import explorer_text
from ecrlab.server import explorer
from ecrlab.store import Store
from ecrlab_course.views import explorer as drawing
from ecrlab_course.views import image_pair
from ecrlab_course.views import svg as pieces

from .growth import grow
from .images import blob, put, put_artifact, put_index

REGISTRY = "123456789012/us-east-1"
VOID = {"br", "img", "input", "hr", "line", "rect", "path"}


class Outline(HTMLParser):
    """Collects elements with their attributes and visible text; fails on elements that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and data.strip():
            self.words.append(data.strip())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as opened:
        web = opened.create_repository(REGISTRY, "my-web-app", now=1)
        base = blob(400_000, "base")
        one = put(opened, web, "1.0", [base, blob(1000, "one")], steps=("ADD base /", "COPY <one> & 'two' ."), now=1)
        put(opened, web, "1.1", [base, blob(1100, "two")], steps=("ADD base /", "COPY two ."), now=2)
        put_artifact(opened, web, one, "application/spdx+json", b"bill")
        multi = opened.create_repository(REGISTRY, "multi", now=1)
        amd = put(opened, multi, None, [base, blob(500, "amd")], now=1)
        put_index(opened, multi, "1", [(amd, "amd64")], now=2)
        yield opened


def pages(store: Store) -> Iterator[str]:
    for tree in (explorer.read(store), explorer.read(store, "my-web-app"), explorer.read(store, "multi")):
        yield drawing.shown(tree).html
    yield image_pair.compared(explorer.compare(store, "my-web-app:1.0", "my-web-app:1.1")).html
    yield image_pair.compared(explorer.compare(store, "my-web-app:1.0", "multi:1")).html


def test_every_picture_has_words_and_every_table_heads(store: Store) -> None:
    for page in pages(store):
        outline = Outline(page)
        for svg in outline.all("svg"):
            assert svg.get("aria-hidden") == "true" or (
                svg.get("role") == "img" and len(svg.get("aria-label") or "") > 20
            )
        assert all(head.get("scope") in ("col", "row", "rowgroup") for head in outline.all("th"))
        assert len(outline.all("table")) == len(outline.all("caption"))
        assert len(outline.all("details")) == len(outline.all("summary"))
        for region in outline.all("div"):
            if region.get("role") == "region":
                assert region.get("tabindex") == "0", "a region that scrolls is reached by the keyboard"
                assert region.get("aria-label")


def test_colours_come_from_the_page(store: Store) -> None:
    """Light and dark differ by the course's variables alone, so nothing here may name a colour."""
    for page in pages(store):
        assert re.findall(r"#[0-9a-fA-F]{3,6}\b|rgb\(", page) == []
        assert not re.search(r'(fill|stroke)="', page)


def test_pictures_need_no_style_of_other_parts(store: Store) -> None:
    """Every class in a drawing is one of the explorer's own, with a rule."""
    css = pieces._style()
    for page in pages(store):
        for tag, attributes in Outline(page).elements:
            if tag in ("rect", "line", "path", "text"):
                for name in (attributes.get("class") or "").split():
                    assert f".{name} " in css, name


def test_names_and_commands_are_shown_as_text(store: Store) -> None:
    for page in pages(store):
        Outline(page)
        assert "<one>" not in page
    assert "COPY &lt;one&gt; &amp; &#x27;two&#x27; ." in drawing.shown(explorer.read(store, "my-web-app")).html


def test_the_picture_gives_the_sums_of_the_text(store: Store) -> None:
    tree = explorer.read(store, "my-web-app")
    shown = drawing.shown(tree)
    words = " ".join(Outline(shown.html).words)
    nominal, stored = explorer_text.size(tree.sums.nominal), explorer_text.size(tree.sums.stored)
    assert nominal != stored
    assert f"Nominal {nominal} (all sizes added up), stored {stored} (the last row)." in words
    assert re.search(rf"each blob once as stored .{{0,60}} {re.escape(stored)}", words)
    assert f"nominal {nominal}, stored {stored}" in shown.text


def test_nothing_is_drawn_outside_the_picture(store: Store) -> None:
    for page in pages(store):
        for svg in re.findall(r'<svg role="img".*?</svg>', page, re.DOTALL):
            width, height = map(int, re.findall(r'viewBox="0 0 (\d+) (\d+)"', svg)[0])
            for x, y, w, h in re.findall(
                r'<rect class="[^"]*" x="([\d.-]+)" y="([\d.-]+)" width="([\d.-]+)" height="([\d.-]+)"', svg
            ):
                assert 0 <= float(x) <= float(x) + float(w) <= width
                assert 0 <= float(y) <= float(y) + float(h) <= height
                assert float(w) > 0


def test_an_image_of_a_hundred_layers_stays_in_its_picture(store: Store) -> None:
    layers = [blob(100 + number, f"layer {number}") for number in range(100)]
    many = store.create_repository(REGISTRY, "many", now=1)
    put(store, many, "1", layers, now=1)
    put(store, many, "2", [*layers, b"more"], now=2)
    test_nothing_is_drawn_outside_the_picture(store)
    page = drawing.shown(explorer.read(store, "many")).html
    test = re.findall(r'<rect class="[^"]*" x="([\d.-]+)" y="[\d.-]+" width="([\d.-]+)"', page)
    assert max(float(x) + float(width) for x, width in test) <= pieces.WIDTH
    assert len(Outline(image_pair.compared(explorer.compare(store, "many:1", "many:2")).html).all("tr")) == 1 + 103


def test_a_large_lab_is_a_small_page(tmp_path: Path) -> None:
    with Store.open(tmp_path / "large") as large:
        grow(large, 200, 5000)
        page = drawing.shown(explorer.read(large)).html
    assert len(page) < 250_000
    assert "Not shown: 170 repositories" in page
    assert "18 more that share them are not drawn" in page


def test_an_empty_lab_is_said(tmp_path: Path) -> None:
    with Store.open(tmp_path / "empty") as empty:
        shown = drawing.shown(explorer.read(empty))
        assert shown.text == "The lab has no repository yet."
        Outline(shown.html)
        empty.create_repository(REGISTRY, "new", now=1)
        assert "It has no image yet." in drawing.shown(explorer.read(empty, "new")).html
