"""A drill in JupyterLab by the keyboard alone: answered, uncovered, ticked, shown, finished; in light and dark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from ecrlab.home import Home
from ecrlab_course.authoring.content import course
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import drills

pytestmark = [pytest.mark.timeout(400), pytest.mark.one_room]

OWN = "ECR keeps images. A container begins where a server starts a process from one of them."


def picture(page: Page, name: str, shown: Locator) -> None:
    """Take a screenshot of the card into screenshots/."""
    folder = course().root / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    shown.evaluate("e => e.scrollIntoView({ block: 'start' })")
    page.wait_for_timeout(300)
    page.screenshot(path=folder / f"{name}.png")


def tab_to(page: Page, wanted: Locator) -> None:
    """Go to a control with the Tab key; it must come within thirty steps, and the focus must be seen."""
    for _ in range(30):
        if wanted.evaluate("e => e === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(wanted).to_be_focused()
    width = wanted.evaluate("e => getComputedStyle(e).outlineWidth")
    assert float(width.removesuffix("px")) >= 2, "the focus is not visible"


def test_a_drill_by_the_keyboard(page: Page, room: Any, opened: Any, axe: Path) -> None:
    lab = opened("drills")
    lab.run("drills-02")
    expect(lab.cell("drills-02")).to_contain_text("explain, then show")
    lab.run("drills-04")
    card = page.locator(".ecr-exercise").filter(has_text="Drill d01")
    expect(card.locator(".ecr-head")).to_contain_text("junior")
    expect(card.get_by_text("A registry keeps images")).to_be_hidden()
    assert lab.accessibility(axe) == []

    def press(name: str) -> None:
        tab_to(page, card.get_by_role("button", name=name))
        page.keyboard.press("Enter")

    # Nothing is uncovered before something was said.
    area = card.get_by_label("Your own answer")
    area.focus()
    page.wait_for_timeout(1800)  # The card's keys are wired a moment after it came onto the page.
    press("Uncover the points")
    expect(card.get_by_role("status").first).to_contain_text("Answer first")
    area.focus()
    page.keyboard.type(OWN)
    page.keyboard.press("Enter")
    expect(area).to_have_value(OWN + "\n")
    page.wait_for_timeout(1500)
    kept = json.loads((room.home / "drills.json").read_text())["drills"]["d01"]["open"]["text"]
    assert kept.strip() == OWN, "what was typed is kept without a click"
    press("Uncover the points")
    points = drills()["d01"].points
    for point in points[:3]:
        tick = card.get_by_role("checkbox", name=point.text)
        expect(tick).to_be_visible()
        tab_to(page, tick)
        if point is points[1]:  # said in no words that are listened for: the learner's word counts
            expect(tick).not_to_be_checked()
            page.keyboard.press("Space")
        expect(tick).to_be_checked()
    expect(card).to_contain_text("✓ heard: “ECR keeps images.”")
    expect(card).to_contain_text("○ not heard")
    assert lab.accessibility(axe) == []
    picture(page, "drill-points", card)
    press("I made these points")

    # An objection costs its next question, which has a field; its answer comes when asked for.
    expect(card).to_contain_text(points[1].follow_up.question.replace("`", ""))
    field = card.get_by_label("Your answer", exact=True)
    tab_to(page, field)
    page.keyboard.type("That is one image with two names.")
    expect(card.get_by_text("A model answer")).to_be_hidden()
    press("Show the answers")
    expect(card.get_by_text("A model answer")).to_be_visible()

    # The evidence: refused, then shown.
    cloud = DrillLab(Home(room.home))
    drills()["d01"].accepts[0].do(cloud)  # type: ignore[misc]
    field = card.get_by_label("How many images are in the repository now?")
    tab_to(page, field)
    page.keyboard.type("4")
    press("Check the evidence")
    expect(card.locator(".ecr-verdict")).to_contain_text("different digests", timeout=30_000)
    assert lab.accessibility(axe) == []
    field.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("1")
    press("Check the evidence")
    expect(card.locator(".ecr-verdict")).to_contain_text("Four names, one digest", timeout=30_000)
    picture(page, "drill", card)
    press("Finish this drill")
    expect(card).to_contain_text("good: due again in")
    lab.theme("JupyterLab Dark")
    assert lab.accessibility(axe) == []
    picture(page, "drill-dark", card)

    # The next one has a list to choose from; the account now holds its state.
    lab.run("drills-04")
    expect(page.locator(".ecr-exercise").filter(has_text="Drill d02")).to_be_visible()
    lab.run("drills-07")
    review = json.loads((room.home / "drills.json").read_text())["drills"]["d01"]["reviews"]
    assert [each["rating"] for each in review] == ["good"]
    lab.run("drills-02")
    expect(lab.cell("drills-02")).to_contain_text("good")
    assert lab.accessibility(axe) == []
