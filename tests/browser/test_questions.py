"""The question bank in JupyterLab by the keyboard alone: topic, level, points, the next one; in light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser.test_drills import picture, tab_to

from ecrlab_course.questions.question import chosen, questions

pytestmark = [pytest.mark.timeout(300), pytest.mark.one_room]


def test_questions_by_the_keyboard(page: Page, room: Any, opened: Any, axe: Path) -> None:
    wanted = chosen(questions(), "images", "senior")
    lab = opened("questions")
    lab.run("questions-02")
    card = page.locator(".ecr-exercise").first
    expect(card).to_contain_text("What is a container?")
    page.wait_for_timeout(1800)  # The card's keys are wired a moment after it came onto the page.
    assert lab.accessibility(axe) == []
    for name, word in (("topic", "images"), ("level", "senior")):
        menu = card.get_by_role("combobox", name=name, exact=True)
        tab_to(page, menu)
        page.keyboard.type(word)
    expect(card.locator(".ecr-head")).to_contain_text(f"{len(wanted)} of {len(questions())}")
    note = card.locator(".ecr-title").first
    expect(note).to_contain_text(f"Question {wanted[0].number} ")
    expect(card.get_by_text("Points of a good answer")).to_have_count(0)
    # Enter in a menu shows the points, as it answers an exercise.
    page.keyboard.press("Enter")
    expect(card.get_by_text("Points of a good answer")).to_be_visible()
    expect(card).to_contain_text("The weak answer people give")
    picture(page, "questions", card)
    assert lab.accessibility(axe) == []
    tab_to(page, card.get_by_role("button", name="Next question"))
    page.keyboard.press("Enter")
    expect(note).to_contain_text(f"Question {wanted[1].number} ")
    expect(card.get_by_text("Points of a good answer")).to_have_count(0)
    lab.theme("JupyterLab Dark")
    tab_to(page, card.get_by_role("button", name="Show the points"))
    page.keyboard.press("Enter")
    expect(card.get_by_text("Points of a good answer")).to_be_visible()
    assert lab.accessibility(axe) == []
    picture(page, "questions-dark", card)
