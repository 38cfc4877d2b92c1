"""A mock interview in JupyterLab by the keyboard alone, to its scorecard; the interviewer's screen; light and dark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser.test_drills import picture, tab_to

pytestmark = [pytest.mark.timeout(500), pytest.mark.one_room]

GOOD = "I compare the digest of what runs with the digest in the registry, because a tag can be moved."
FLAG = "I would attach AdministratorAccess for now, so that it works."
SALAD = "image container layer digest registry process writable token iam role policy star"


def test_a_mock_interview_by_the_keyboard(page: Page, room: Any, opened: Any, axe: Path) -> None:
    lab = opened("mock")
    lab.run("mock-02")
    expect(lab.cell("mock-02")).to_contain_text("Points made unaided in the last 14 days")
    assert lab.accessibility(axe) == []
    lab.run("mock-04")
    card = page.locator(".ecr-exercise").filter(has_text="Mock interview · mid")
    expect(card).to_contain_text("Nobody helps")
    assert lab.accessibility(axe) == []
    picture(page, "mock-begin", card)
    page.wait_for_timeout(1800)  # The card's keys are wired a moment after it came onto the page.

    def press(name: str) -> None:
        tab_to(page, card.get_by_role("button", name=name, exact=True))
        page.keyboard.press("Enter")

    card.get_by_label("without a clock").focus()
    press("Begin")
    timer = card.get_by_role("timer")
    expect(timer).to_contain_text("left", timeout=30_000)
    before = timer.inner_text()
    expect(timer).not_to_have_text(before, timeout=5_000)

    def answer(text: str) -> None:
        area = card.get_by_label("Your answer")
        area.focus()
        page.keyboard.type(text)
        page.wait_for_timeout(900)

    answer(FLAG)
    picture(page, "mock-question", card)
    assert lab.accessibility(axe) == []
    press("Done")
    expect(card).to_contain_text("What does that open that nobody asked for?")
    picture(page, "mock-follow-up", card)
    answer("Everything, for everybody who has the role.")
    press("Done")
    expect(card).to_contain_text("2/9")
    answer(SALAD)
    press("Done")
    expect(card).to_contain_text("And then?")
    card.get_by_label("Your answer").focus()
    press("Pass")
    expect(card).to_contain_text("3/9")
    answer(GOOD)
    press("Done")
    expect(card).to_contain_text("And then?")
    card.get_by_label("Your answer").focus()
    press("Pass")
    expect(card).to_contain_text("4/9 · Show it", timeout=30_000)
    expect(card).to_contain_text("%%bash --as drill")
    card.get_by_role("button", name="Pass", exact=True).focus()
    picture(page, "mock-evidence", card)
    assert lab.accessibility(axe) == []
    press("It is done: look")
    expect(card).to_contain_text("Not seen yet.", timeout=30_000)
    press("Pass")
    expect(card).to_contain_text("5/9")
    card.get_by_label("Your answer").focus()
    press("Pass")
    expect(card).to_contain_text("6/9", timeout=30_000)
    card.get_by_role("button", name="Pass", exact=True).focus()
    press("Pass")
    expect(card).to_contain_text("7/9")
    card.get_by_label("Your answer").focus()
    press("Pass")
    expect(card).to_contain_text("8/9 · Incident", timeout=60_000)
    assert lab.accessibility(axe) == []
    card.get_by_role("button", name="Pass", exact=True).focus()
    picture(page, "mock-incident", card)
    press("It is fixed: look")
    expect(card).to_contain_text("Not closed yet.", timeout=60_000)
    press("Pass")
    expect(card).to_contain_text("Do you have a question for us?")
    card.get_by_label("Your answer").focus()
    press("Pass")
    expect(card).to_contain_text("What was heard")
    expect(card).to_contain_text("This is a list of words, and nothing of it counts")
    picture(page, "mock-review", card)
    assert lab.accessibility(axe) == []
    card.get_by_role("button", name="Close the interview, show the scorecard").focus()
    press("Close the interview, show the scorecard")
    expect(card).to_contain_text("Practise tomorrow")
    expect(card).to_contain_text("rights for everything")
    picture(page, "mock-scorecard", card)
    assert lab.accessibility(axe) == []
    lab.theme("JupyterLab Dark")
    assert lab.accessibility(axe) == []
    picture(page, "mock-scorecard-dark", card)
    kept = json.loads((room.home / "mocks.json").read_text())["mocks"]["1"]
    assert kept["ended"]
    lab.run("mock-09")
    other = page.locator(".ecr-exercise").filter(has_text="Interviewer's sheet")
    expect(other).to_contain_text("Do not finish their sentence")
    other.get_by_role("button", name="Begin").click()
    expect(other.get_by_role("checkbox").first).to_be_visible()
    assert lab.accessibility(axe) == []
    picture(page, "mock-interviewer-dark", other)
    lab.run("mock-02")
    assert lab.accessibility(axe) == []
    picture(page, "mock-ready-dark", lab.cell("mock-02"))
