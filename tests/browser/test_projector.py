"""Projector mode: a classroom's last row can read the page, the exercises and the X-ray."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ecrlab_course.authoring.content import course

from .conftest import Lab, Room, new_page, started

pytestmark = pytest.mark.timeout(240)

HEIGHT = 20
"""Pixels that a line of the X-ray is high at least, on a projector of 1080 lines."""


@pytest.fixture
def projected(tmp_path: Path) -> Iterator[Room]:
    yield from started(tmp_path, "--projector")


@pytest.fixture
def wall(browser: Browser) -> Iterator[Page]:
    """A page as large as a projector's picture."""
    yield from new_page(browser, 1920, 1080)


def smallest(page: Page, selector: str) -> float:
    """Return the height in pixels of the smallest text below the selector, as it stands on the screen."""
    return float(
        page.evaluate(
            """selector => Math.min(...[...document.querySelectorAll(selector)]
                .filter(e => e.textContent.trim()).map(e => e.getBoundingClientRect().height))""",
            selector,
        )
    )


def test_started_for_a_class(wall: Page, projected: Room, axe: Path) -> None:
    assert "/doc/workspaces/room/tree/00-start-here.ipynb" in projected.address
    lab = Lab(wall, projected, "00-start-here")
    lab.run_to("00-02", "00-12")
    expect(lab.cell("00-02")).to_contain_text("Projector mode")
    assert wall.locator("#jp-left-stack, #jp-right-stack").filter(visible=True).count() == 0, "a side bar is open"
    xray = lab.cell("00-12").locator(".ecr-xray")
    assert smallest(wall, ".ecr-xray td") >= HEIGHT
    assert xray.evaluate("e => e.scrollWidth - e.clientWidth") <= 1, "the X-ray has to be scrolled sideways"
    size = lab.cell("00-10").locator(".cm-content").evaluate("e => getComputedStyle(e).fontSize")
    assert size == "22px"
    paragraph = lab.cell("00-09").locator(".jp-MarkdownOutput p").first
    assert paragraph.evaluate("e => getComputedStyle(e).fontSize") == "22px"
    assert paragraph.evaluate("e => getComputedStyle(e).color") == "rgb(0, 0, 0)"
    quiet = lab.card("00-e1").locator(".ecr-kind")
    assert quiet.evaluate("e => getComputedStyle(e).color") == "rgb(43, 50, 58)"
    assert lab.accessibility(axe) == []
    folder = course().root / "screenshots"
    folder.mkdir(exist_ok=True)
    lab.cell("00-12").evaluate("e => e.scrollIntoView({ block: 'start' })")
    wall.screenshot(path=folder / "projector.png")
    lab.cell("00-08").evaluate("e => e.scrollIntoView({ block: 'start' })")
    wall.screenshot(path=folder / "projector-exercise.png")


@pytest.mark.one_room
def test_switched_on_and_off_in_a_notebook(page: Page, opened: Any) -> None:
    lab = opened("00-start-here")
    lab.run("00-02")
    line = lab.cell("00-02").locator(".ecr-status").first
    before = line.bounding_box()["height"]
    lab.write("00-34", "lab.projector()")
    lab.run("00-34")
    expect(lab.cell("00-34")).to_contain_text("Projector mode: larger type")
    assert line.bounding_box()["height"] > before * 1.4
    lab.write("00-34", "lab.projector(False)")
    lab.run("00-34")
    expect(lab.cell("00-34")).to_contain_text(re.compile("has ended"))
    page.wait_for_timeout(300)
    assert line.bounding_box()["height"] == before
