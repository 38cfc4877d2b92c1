"""A learner's way through the lessons, by clicking and by keyboard, with screenshots in light and dark."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from ecrlab_course.content import course

pytestmark = pytest.mark.timeout(400)

LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"


def picture(page: Page, name: str, above: Locator) -> None:
    """Take a screenshot with `above` at the top: into screenshots/, with ECRLAB_PICTURES=1 also into docs/images/."""
    above.evaluate("e => e.scrollIntoView({ block: 'start' })")
    page.wait_for_timeout(300)
    folders = [course().root / "screenshots"]
    if os.environ.get("ECRLAB_PICTURES") == "1":
        folders.append(course().root / "docs" / "images")
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}.png")


def solution(slug: str, identifier: str) -> str:
    """Return a solved cell's text."""
    book = nbformat.read(course().root / "solutions" / f"{slug}.ipynb", as_version=4)
    return str(next(cell.source for cell in book.cells if cell.id == identifier))


def test_lesson_04_wrong_then_right_then_green(page: Page, opened: Any, axe: Path) -> None:
    lab = opened("04-first-push")
    lab.run_to("04-02", "04-05")
    expect(lab.cell("04-02")).to_contain_text("not AWS")

    # Build the command: one's own account is the wrong registry; the partner's is right.
    card = lab.card("04-e1")
    card.get_by_label("account").fill("123456789012")
    card.get_by_label("service").select_option("dkr.ecr")
    card.get_by_label("Region").select_option("eu-west-1")
    card.get_by_label("repository").fill("web/booking")
    card.get_by_label("tag or digest").fill("2.3")
    expect(card.locator("pre").first).to_contain_text("docker pull 123456789012.dkr.ecr.eu-west-1")
    card.get_by_role("button", name="Run it").click()
    expect(card.locator(".ecr-verdict")).to_contain_text("not yet", timeout=60_000)
    card.get_by_label("account").fill("444455556666")
    card.get_by_role("button", name="Run it").click()
    expect(card.locator(".ecr-head")).to_contain_text("passed", timeout=60_000)

    # Predict, then run: the cell's outcome answers the guess, without another click.
    lab.run("04-06")
    lab.answer("04-e2", "it works: I am admin", "certain")
    card = lab.card("04-e2")
    expect(card).to_contain_text("Your guess is kept")
    lab.run("04-07")
    expect(card.locator(".ecr-verdict")).to_contain_text("not yet")
    expect(card).to_contain_text("You were certain")
    lab.answer("04-e2", "it stops: docker has no login for this registry")
    expect(card.locator(".ecr-head")).to_contain_text("passed")

    # To the denied push, and its X-ray.
    lab.run_to("04-07-xray", "04-12-xray")
    lab.run_to("04-15-guess", "04-16")
    denied = lab.cell("04-15")
    expect(denied).to_contain_text(
        "denied: User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecr:InitiateLayerUpload on "
        "resource: arn:aws:ecr:us-east-1:123456789012:repository/my-web-app because no identity-based policy allows "
        "the ecr:InitiateLayerUpload action"
    )
    xray = lab.cell("04-15-xray")
    expect(xray.locator("svg").first).to_contain_text("✗ denied")
    expect(xray.locator("svg").first).to_contain_text("ecr:InitiateLayerUpload")
    picture(page, "lesson-04", denied)

    # The half-right policy is named, the right one is green.
    card = lab.card("04-e6")
    lab.run_to("04-16-policy", "04-16-push")
    card.get_by_role("button", name="Check").click()
    verdict = card.locator(".ecr-verdict")
    expect(verdict).to_contain_text("not yet")
    expect(verdict).to_contain_text("still the first upload that is refused")
    card.get_by_role("button", name="Hint").click()
    expect(card).to_contain_text("Hint 1 of 3")
    lab.write("04-16-policy", solution("04-first-push", "04-16-policy"))
    lab.run_to("04-16-policy", "04-16-push")
    card.get_by_role("button", name="Check").click()
    expect(card.locator(".ecr-head")).to_contain_text("passed")
    expect(card.locator(".ecr-verdict.ecr-ok")).to_be_visible()
    picture(page, "lesson-04-green", lab.cell("04-16"))

    assert lab.accessibility(axe) == []
    lab.theme(DARK)
    picture(page, "lesson-04-green-dark", lab.cell("04-16"))
    picture(page, "lesson-04-dark", denied)
    assert lab.accessibility(axe) == []


def test_lesson_00_by_keyboard(page: Page, opened: Any, axe: Path) -> None:
    lab = opened("00-start-here")
    lab.run_to("00-02", "00-14")
    picture(page, "lesson-00", lab.cell("00-05"))
    picture(page, "lesson-00-xray", lab.cell("00-11"))
    card = lab.card("00-e3")
    radios = card.get_by_role("radio")
    page.wait_for_timeout(1600)
    radios.first.focus()
    page.keyboard.press("Space")
    expect(radios.nth(0)).to_be_checked()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(radios.nth(2)).to_be_checked()
    page.keyboard.press("Tab")
    button = card.get_by_role("button", name="Answer")
    expect(button).to_be_focused()
    width = button.evaluate("e => getComputedStyle(e).outlineWidth")
    assert float(width.removesuffix("px")) >= 2, "the focus is not visible"
    page.keyboard.press("Enter")
    expect(card.locator(".ecr-verdict")).to_contain_text("no name for it")
    expect(button).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(card.locator(".ecr-head")).to_contain_text("passed")

    lab.run_to("00-16", "00-36")
    card = lab.card("00-e5")
    card.get_by_role("radio", name="a login").check()
    card.get_by_role("button", name="Answer").click()
    expect(card).to_contain_text("no basic auth credentials")
    lab.answer("00-e5", "the tag 3")
    expect(card.locator(".ecr-head")).to_contain_text("passed")
    assert lab.accessibility(axe) == []
    lab.theme(DARK)
    picture(page, "lesson-00-dark", lab.cell("00-11"))
    assert lab.accessibility(axe) == []
    assert page.locator(".jp-toast-message, .Toastify__toast").count() == 0, "a pop-up stands in the way"


def test_progress_and_cards_come_back_after_a_kernel_restart(page: Page, opened: Any) -> None:
    lab = opened("00-start-here")
    lab.run_to("00-02", "00-08")
    lab.answer("00-e1", "aws", "certain")
    expect(lab.card("00-e1")).to_contain_text("Your guess is kept")
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_text(re.compile("^Restart Kernel…$")).first.click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    lab.wait_for_kernel()
    lab.run("00-02")
    lab.run("00-08")
    expect(lab.card("00-e1").get_by_role("radio", name="aws", exact=True)).to_be_checked()
    lab.run("00-10")
    expect(lab.card("00-e1").locator(".ecr-verdict")).to_contain_text("not yet")
