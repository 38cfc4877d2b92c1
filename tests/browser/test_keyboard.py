"""Keys on the page: Enter answers, Escape goes back to the cell, arrow keys stay inside; one test for each kind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from ecrlab.home import Home
from ecrlab_course.progress import Progress

pytestmark = [pytest.mark.timeout(200), pytest.mark.one_room, pytest.mark.one_page]

FOLDER = Path(__file__).parents[1] / "course" / "kinds" / "content" / "lessons" / "90_kinds"
SHOW = f"""from pathlib import Path
from ecrlab_course.authoring.content import read
lab.course.lessons["90"] = read(Path({str(FOLDER)!r}))
lab.goto("90", "made")
for number in range(1, 6):
    lab.exercise(f"90-e{{number}}")
for name in ("04-e1", "04-e2", "00-g1"):
    lab.exercise(name)"""


def at_the_cell(page: Page) -> bool:
    """Tell whether a cell has the focus and the page's own keys work."""
    return bool(
        page.evaluate(
            """() => document.activeElement.matches('.jp-Cell') &&
                document.activeElement.closest('.jp-Notebook').classList.contains('jp-mod-commandMode')"""
        )
    )


def stays(page: Page, control: Locator, card: Locator) -> None:
    """Press the arrow keys in a control: neither the active cell changes, nor does the focus leave the card."""
    active = page.locator(".jp-Notebook .jp-Cell.jp-mod-active").first
    before = active.evaluate("e => [...e.parentNode.children].indexOf(e)")
    for key in ("ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight"):
        control.focus()
        page.keyboard.press(key)
        assert card.evaluate("e => e.contains(document.activeElement)"), key
    assert active.evaluate("e => [...e.parentNode.children].indexOf(e)") == before


def leaves(page: Page, control: Locator) -> None:
    """Press Escape in a control: the cell has the focus, and the arrow keys go to the next cell again."""
    control.focus()
    page.keyboard.press("Escape")
    assert at_the_cell(page)


def test_the_keys_of_each_kind(page: Page, room: Any, opened: Any) -> None:
    lab = opened("00-start-here")
    lab.run("00-02")
    lab.write("00-04", SHOW)
    lab.run("00-04")
    page.wait_for_timeout(1700)  # until every part of the cards is wired
    said = {
        "90-e1": ("select", "Still to be numbered|Nothing was run yet|no step|not yet|untouched"),
        "90-e3": ("input[type=radio]", "Not this one|not yet|passed|untouched|Choose|Say first how sure"),
        "90-e4": ("select", "Choose a place|Still without a place|Say first how sure|untouched"),
        "04-e1": ("input[type=text]", "still empty"),
        "04-e2": ("input[type=radio]", "Your guess is kept|Choose|Say first how sure"),
        "00-g1": ("input[type=radio]", "."),
    }
    for name, (what, words) in said.items():
        card = lab.card(name)
        control = card.locator(what).first
        stays(page, control, card)
        control.focus()
        page.keyboard.press("Enter")
        expect(card.get_by_role("status").first).to_contain_text(re.compile(words), timeout=30_000)
        leaves(page, control)
    for name in ("90-e2", "90-e5"):  # a text of several lines: Enter is a new line
        card = lab.card(name)
        area = card.locator("textarea").first
        stays(page, area, card)
        before = area.input_value()
        area.focus()
        page.keyboard.press("Enter")
        assert area.input_value().count("\n") == before.count("\n") + 1
        assert card.locator(".ecr-verdict").count() == 0
        leaves(page, area)
    card = lab.card("90-e1")
    button = card.get_by_role("button", name="Hint")
    stays(page, button, card)
    button.focus()
    page.keyboard.press("Enter")
    expect(card.locator(".ecr-note")).to_be_visible()
    leaves(page, button)
    active = page.locator(".jp-Notebook .jp-Cell.jp-mod-active")
    number = "e => [...e.parentNode.children].indexOf(e)"
    before = active.evaluate(number)
    page.keyboard.press("ArrowDown")
    expect(active).to_have_count(1)
    assert active.evaluate(number) == before + 1


def test_a_typed_answer_is_the_one_that_enter_gives(page: Page, room: Any, opened: Any) -> None:
    lab = opened("00-start-here")
    lab.run("00-02")
    lab.write("00-04", 'lab.exercise("04-e1")')
    lab.run("00-04")
    page.wait_for_timeout(1700)
    card = lab.card("04-e1")
    card.get_by_label("account").fill("444455556666")
    card.get_by_label("repository").fill("web/booking")
    card.get_by_label("service").select_option("dkr.ecr")
    card.get_by_label("Region").select_option("eu-west-1")
    field = card.get_by_label("tag or digest")
    field.click()
    page.keyboard.type("2.3")
    page.keyboard.press("Enter")
    expect(card.locator(".ecr-head")).to_contain_text(re.compile("passed|not yet"), timeout=60_000)
    assert Progress(Home(room.home).progress).exercise("04-e1")["answer"]["version"] == "2.3"


def test_bash_is_coloured_as_bash(page: Page, room: Any, opened: Any) -> None:
    lab = opened("00-start-here")
    bash, shell = lab.cell("00-10").locator(".cm-content"), "shell"
    expect(bash).to_have_attribute("data-language", shell)
    expect(lab.cell("00-02").locator(".cm-content")).not_to_have_attribute("data-language", shell)
    lab.write("00-04", "%%bash\necho $HOME")
    expect(lab.cell("00-04").locator(".cm-content")).to_have_attribute("data-language", shell)
    lab.run("00-02")  # the kernel says what it speaks: the cells stay as they are
    expect(bash).to_have_attribute("data-language", shell)
    lab.write("00-04", "print(1)")
    expect(lab.cell("00-04").locator(".cm-content")).not_to_have_attribute("data-language", shell)
