"""Coming back to a page: its buttons in JupyterLab, cards that are asleep, a terminal at the right, a page's length."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ecrlab_course.authoring.content import course

from .conftest import Room
from .test_lessons import picture

pytestmark = [pytest.mark.timeout(400), pytest.mark.one_room]
SCREENS_AT_MOST = 22


def test_the_first_start_opens_without_an_error_and_fits_a_small_screen(page: Page, opened: Any) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(error.message))
    page.set_viewport_size({"width": 1024, "height": 768})
    lab = opened("00-start-here")
    bar = lab.page.locator(".jp-NotebookPanel-toolbar")
    expect(bar.get_by_text("Python 3")).to_be_in_viewport()
    expect(bar.get_by_role("button", name="Wake the cards")).to_be_in_viewport()
    assert errors == []


@pytest.mark.lesson("04")
@pytest.mark.one_page
def test_one_button_wakes_the_cards_after_a_restart(page: Page, opened: Any) -> None:
    lab = opened("04-first-push-1")
    lab.run("04-02")
    lab.run("04-05")
    lab.run("04-06")  # a card with radio buttons
    card = lab.card("04-e1")
    card.get_by_role("button", name="Hint").click()
    expect(card).to_contain_text("Hint 1 of 3")
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("^Restart Kernel…")).click()
    page.locator(".jp-Dialog").get_by_role("button", name="Confirm Kernel Restart").click()
    said = "() => getComputedStyle(document.querySelector('.ecr-exercise'), '::before').content"
    page.wait_for_function(f"() => ({said})().includes('This card is asleep')")
    broken = """() => [...document.querySelectorAll('.ecr-exercise, .ecr-exercise *')]
        .filter(e => getComputedStyle(e, '::before').content.includes('\\uf127')
            && getComputedStyle(e, '::before').display !== 'none').length"""
    assert page.evaluate(broken) == 0, "words instead of pictures of a broken link"
    picture(page, "card-asleep", lab.cell("04-05"))
    lab.wait_for_kernel()
    lab.cell("04-05").scroll_into_view_if_needed()
    page.locator(".jp-Toolbar").get_by_role("button", name="Wake the cards").click()
    page.wait_for_function(
        "() => document.querySelectorAll('.jupyter-widgets-disconnected').length === 0", timeout=60_000
    )
    lab.wait_for_kernel()
    expect(lab.cell("04-02")).to_contain_text("begun before, and left as you left it")
    expect(lab.cell("04-05")).to_be_in_viewport()
    card = lab.card("04-e1")
    card.get_by_role("button", name="Hint").click()
    expect(card).to_contain_text("Hint 2 of 3")
    assert lab.cell("04-02-run").locator(".jp-InputPrompt").first.inner_text() == "[ ]:", "commands do not run again"


@pytest.mark.lesson("04")
@pytest.mark.one_page
def test_a_terminal_at_the_right_in_the_lesson_s_folder(page: Page, opened: Any, room: Room) -> None:
    lab = opened("04-first-push-1")
    lab.run("04-02")
    lab.cell("04-02").get_by_role("button", name="Terminal").click()
    terminal = page.locator(".jp-Terminal")
    expect(terminal).to_be_visible(timeout=60_000)
    left, right = page.locator(".jp-NotebookPanel").bounding_box(), terminal.bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] <= right["x"] + 1, "beside the page"
    page.wait_for_timeout(2000)
    terminal.click()
    commands = ('echo "$AWS_PROFILE $REGISTRY"', "pwd", "ecrlab_course verify 04-e1", "echo $?")
    page.keyboard.type("; ".join(f"{command} >> seen" for command in commands) + "\n")
    seen = room.work / "04-first-push" / "seen"
    for _ in range(60):
        page.wait_for_timeout(500)
        if seen.is_file() and seen.read_text().endswith("1\n"):
            break
    text = seen.read_text()
    assert text.startswith("admin localhost:")
    assert f"\n{room.work / '04-first-push'}\n" in text
    assert "04-e1 · untouched" in text
    picture(page, "terminal", lab.cell("04-02"))
    lab.cell("04-02").get_by_role("button", name="Terminal").click()
    page.wait_for_timeout(1000)
    assert terminal.count() == 1, "the one that is there"


@pytest.mark.lesson("04")
def test_start_from_here_acts_when_it_is_pressed(page: Page, opened: Any) -> None:
    lab = opened("04-first-push-2")
    lab.run("04-page-2-load")
    expect(lab.cell("04-page-2-load")).to_contain_text("its starting state is ready")
    lab.run("04-18-e8-text-start")
    lab.run("04-page-2-load")
    expect(lab.cell("04-page-2-load")).to_contain_text("clock real")
    lab.start_from("04-18-e8-text-start")
    lab.run("04-page-2-load")
    expect(lab.cell("04-page-2-load")).to_contain_text("clock +12 h 1 min")
    picture(page, "start-from-here", lab.cell("04-18-e8-text"))


def pages() -> dict[str, int]:
    """Return every page of the course with the number of its cells, those with the most lines first."""
    found = {}
    for sheet in (sheet for each in course().sources.values() for sheet in each.pages):
        folder = course().root if sheet.opens.startswith("labs/") else course().root / "notebooks"
        cells = json.loads((folder / sheet.opens).read_text(encoding="utf-8"))["cells"]
        found[sheet.opens] = (sum(len(cell["source"]) + 4 for cell in cells), len(cells))
    return {name: count for name, (_, count) in sorted(found.items(), key=lambda each: each[1], reverse=True)}


@pytest.mark.lesson
@pytest.mark.parametrize("most", [1, pytest.param(None, marks=pytest.mark.soak)])
def test_no_page_is_longer_than_22_screens(browser: Browser, room: Room, most: int | None) -> None:
    """As it comes, before anything has run, in a window of 1024x768: the one with the most lines; for soak, all.

    A page costs ten seconds of processor.
    """
    context = browser.new_context(viewport={"width": 1024, "height": 768}, reduced_motion="reduce")
    page, long = context.new_page(), {}
    try:
        for name, cells in list(pages().items())[:most]:
            # Without the pages before it, which JupyterLab would open again.
            page.goto(room.notebook(name.removesuffix(".ipynb")) + "&reset")
            outer = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer")
            expect(outer.locator(".jp-Cell")).to_have_count(cells, timeout=60_000)
            page.wait_for_timeout(1000)
            screens = outer.evaluate("e => e.scrollHeight / e.clientHeight")
            print(f"{name}: {screens:.1f} screens")
            if screens > SCREENS_AT_MOST:
                long[name] = screens
    finally:
        context.close()
    assert long == {}
