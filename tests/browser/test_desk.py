"""A ticket of lab 03 in JupyterLab by the keyboard: run, named, fixed, closed, written down; in light and dark."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from ecrlab_course.desk.incident import incidents
from ecrlab_course.desk.ticket import choices, number_of

from .test_drills import picture, tab_to

pytestmark = [pytest.mark.timeout(400), pytest.mark.lesson("lab-03"), pytest.mark.one_room]

SLUG = "labs/03-incident-desk"


def restart(lab: Any) -> None:
    """Restart the page's kernel by the menu, and wait until its cards are asleep."""
    lab.page.get_by_role("menuitem", name="Kernel", exact=True).click()
    lab.page.get_by_role("menuitem", name=re.compile("^Restart Kernel…")).click()
    lab.page.locator(".jp-Dialog").get_by_role("button", name="Confirm Kernel Restart").click()
    expect(lab.page.locator(".jupyter-widgets-disconnected").first).to_be_attached(timeout=30_000)
    lab.wait_for_kernel()


def test_a_ticket_by_the_keyboard(page: Page, room: Any, opened: Any, axe: Path) -> None:
    known = incidents()
    number = number_of(known["i01"], "a", 0)
    letter = next(each for each in choices(known["i01"], number, known) if each.key == "a")
    lab = opened(SLUG)
    lab.run("lab-03-02")
    expect(lab.cell("lab-03-02")).to_contain_text("The incident desk", timeout=60_000)
    lab.write("lab-03-06", f"lab.incident(1, seed={number})")
    lab.run("lab-03-06")
    card: Locator = page.locator(".ecr-desk").filter(has_text=f"Ticket 1-{number}").first
    expect(card).to_contain_text("looked at so far: nothing that left a trace")
    page.wait_for_timeout(1800)  # The card's keys are wired a moment after it came onto the page.

    def press(name: str) -> None:
        tab_to(page, card.get_by_role("button", name=name))
        page.keyboard.press("Enter")

    card.get_by_role("radio").first.focus()
    press("Run it as the robot")
    expect(card).to_contain_text("no basic auth credentials", timeout=60_000)
    press("Hint")
    expect(card).to_contain_text("Hint 1 of 3")
    restart(lab)  # What was dealt is kept, and the card goes on with it.
    lab.page.locator(".jp-Toolbar").get_by_role("button", name="Wake the cards").click()
    expect(page.locator(".jupyter-widgets-disconnected")).to_have_count(0, timeout=60_000)
    lab.wait_for_kernel()
    expect(card).to_contain_text(f"Ticket 1-{number}")
    page.wait_for_timeout(1800)
    ticket = card.get_by_role("group", name=f"Ticket 1-{number}")
    ticket.get_by_role("radio", name=letter.text).check()
    page.wait_for_timeout(1000)
    page.keyboard.press("Enter")  # The answer, and not the first button of the row.
    expect(card).to_contain_text("Understood, still broken", timeout=60_000)
    assert lab.accessibility(axe) == []
    picture(page, "desk-understood", card)
    line = 'aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"'
    lab.write("lab-03-06-ci", f"%%bash --as ci\n{line}")
    lab.run("lab-03-06-ci")
    card.get_by_role("radio").first.focus()
    press("Is it fixed?")
    expect(card).to_contain_text("Yes, that was it", timeout=60_000)
    expect(card).to_contain_text("The narrowest fix")

    lab.run("lab-03-07")
    lines = page.locator(".ecr-desk").filter(has_text="Postmortem")
    lines.get_by_role("textbox", name="Seen").fill("The release ended without a push.")
    page.wait_for_timeout(1000)
    lines.get_by_role("button", name="Ours beside it").click()
    expect(lines.get_by_role("checkbox").first).to_be_visible(timeout=30_000)
    lab.theme("JupyterLab Dark")
    picture(page, "desk-dark", card)
    assert lab.accessibility(axe) == []
    press("Same again")
    expect(card).not_to_contain_text("The narrowest fix", timeout=60_000)
    page.wait_for_timeout(1800)  # What is dealt later has keys, too.
    card.get_by_role("radio").first.check()
    page.keyboard.press("ArrowDown")
    expect(card.get_by_role("radio").nth(1)).to_be_checked()
