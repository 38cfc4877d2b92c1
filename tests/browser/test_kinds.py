"""The kinds of exercises that are more than a choice, by the keyboard alone, with axe in light and dark."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from ecrlab.home import Home
from ecrlab_course.authoring.content import course
from ecrlab_course.progress import Progress

pytestmark = [pytest.mark.timeout(300), pytest.mark.one_room]

FOLDER = Path(__file__).parents[1] / "course" / "kinds" / "content" / "lessons" / "90_kinds"
SHOW = f"""from pathlib import Path
from ecrlab_course.authoring.content import read
lab.course.lessons["90"] = read(Path({str(FOLDER)!r}))
lab.goto("90", "made")
for number in range(1, 6):
    lab.exercise(f"90-e{{number}}")"""
SENTENCE = "First I make the repository, then I fetch a token, then I name the image and push it."


def picture(page: Page, name: str, shown: Locator) -> None:
    """Take a screenshot of a card into screenshots/."""
    folder = course().root / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    shown.evaluate("e => e.scrollIntoView({ block: 'start' })")
    page.wait_for_timeout(300)
    shown.screenshot(path=folder / f"{name}.png")


def typed(page: Page, control: Locator, keys: str) -> None:
    """Focus a select, and type what its option begins with."""
    control.focus()
    page.keyboard.type(keys)


def tab_to(page: Page, wanted: Locator, most: int = 25) -> None:
    """Press Tab until the control has the focus, and see the focus."""
    for _ in range(most):
        if wanted.evaluate("e => e === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(wanted).to_be_focused()
    width = wanted.evaluate("e => getComputedStyle(e).outlineWidth")
    assert float(width.removesuffix("px")) >= 2, "the focus is not visible"


def sticking_out(card: Locator) -> list[str]:
    """Return what reaches over the right edge of a card."""
    found: list[str] = card.evaluate(
        """e => {
            const edge = e.getBoundingClientRect().right + 1;
            const inside = [...e.querySelectorAll('*')];
            return inside.filter(x => x.getBoundingClientRect().right > edge).map(x => x.outerHTML.slice(0, 200));
        }"""
    )
    return found


def test_the_kinds_by_keyboard(page: Page, room: Any, opened: Any, axe: Path) -> None:
    lab = opened("00-start-here")
    lab.run("00-02")
    lab.write("00-04", SHOW)
    lab.run("00-04")
    order, file, error, match, words = (lab.card(f"90-e{number}") for number in range(1, 6))
    page.wait_for_timeout(1600)  # until every part of the cards is wired

    # Order: a number for each step; one number twice is said, a wrong order is run, a right one passes.
    for step, number in (("Create the repository", "1"), ("Push kinds:1", "1")):
        typed(page, order.get_by_label(step, exact=True), number)
    tab_to(page, order.get_by_role("button", name="Run this order"))
    page.keyboard.press("Enter")
    expect(order.get_by_role("status").first).to_contain_text("Two steps have the number 1")
    typed(page, order.get_by_label("Push kinds:1", exact=True), "2")
    expect(order.locator(".ecr-order li")).to_have_text(["Create the repository", "Push kinds:1"])
    order.get_by_role("button", name="Run this order").press("Enter")
    expect(order.locator(".ecr-verdict")).to_contain_text("ECR knows the names: 1.")
    typed(page, order.get_by_label("Give the image the second name", exact=True), "3")
    order.get_by_role("button", name="Run this order").press("Enter")
    expect(order.locator(".ecr-head")).to_contain_text("passed")
    expect(order).to_contain_text("stores one more name; no layer is sent")

    # The file: its first text runs and shows its error; Enter stays in the text; a draft outlives the card.
    area = file.get_by_label("kinds-policy.json")
    file.get_by_role("button", name="Run it").press("Enter")
    expect(file.locator("pre")).to_contain_text("is not authorized to perform: ecr:InitiateLayerUpload")
    area.focus()
    page.keyboard.press("Control+End")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")
    expect(area).to_be_focused()
    area.fill(area.input_value().replace("ecr:PushImage", "ecr:*"))
    kept, until = Progress(Home(room.home).progress), time.monotonic() + 15
    while "ecr:*" not in kept.exercise("90-e2").get("draft", ""):
        assert time.monotonic() < until, "the draft was not kept while the field has the focus"
        page.wait_for_timeout(200)
    expect(area).to_be_focused()
    lab.run("00-04")
    order, file, error, match, words = (lab.card(f"90-e{number}").last for number in range(1, 6))
    page.wait_for_timeout(1600)
    expect(file.get_by_label("kinds-policy.json")).to_have_value(re.compile(r"ecr:\*"))
    tab_to(page, file.get_by_role("button", name="Run it"), 60)
    page.keyboard.press("Enter")
    expect(file.locator(".ecr-head")).to_contain_text("passed")

    # The error: the failure is there; a certain miss is kept; the parts are read out after the right cause.
    expect(error.locator("pre").first).to_contain_text("denied: User: arn:aws:iam::123456789012:user/ops")
    error.get_by_role("radio", name="the repository is missing").check()
    error.get_by_role("radio", name="certain").check()
    error.get_by_role("button", name="Answer").press("Enter")
    expect(error.locator(".ecr-verdict")).to_contain_text("You were certain")
    expect(error).not_to_contain_text("who asked")
    radio = error.get_by_role("radio", name="the repository is missing")
    radio.focus()
    page.keyboard.press("ArrowDown")
    error.get_by_role("button", name="Answer").press("Enter")
    expect(error.locator(".ecr-head")).to_contain_text("passed")
    expect(error).to_contain_text("who asked")

    # Match: two placed are kept, and the third is named; a wrong one gets its own answer.
    typed(page, match.get_by_label("create-repository"), "ECR")
    typed(page, match.get_by_label("the layers of a push"), "the")
    match.get_by_role("button", name="Answer").press("Enter")
    expect(match.get_by_role("status").first).to_contain_text("Say first how sure you are")
    match.get_by_role("radio", name="fairly sure").check()
    match.get_by_role("button", name="Answer").press("Enter")
    expect(match.get_by_role("status").first).to_contain_text("Still without a place: docker tag")
    typed(page, match.get_by_label("docker tag"), "the")
    match.get_by_role("button", name="Answer").press("Enter")
    expect(match.locator(".ecr-verdict")).to_contain_text("nothing is sent until a push")
    typed(page, match.get_by_label("docker tag"), "nobody")
    match.get_by_role("button", name="Answer").press("Enter")
    expect(match.locator(".ecr-head")).to_contain_text("passed")

    # Own words: the points come after the answer, then the model answer.
    area = words.get_by_label("Your own answer")
    expect(words.get_by_role("checkbox")).to_have_count(0)
    area.focus()
    page.keyboard.type("I push it.")
    words.get_by_role("button", name="Keep my answer").press("Enter")
    expect(words.get_by_role("status").first).to_contain_text("Your answer has 3 different words")
    area.fill(SENTENCE)
    words.get_by_role("button", name="Keep my answer").press("Enter")
    token = words.get_by_role("checkbox", name="a token comes before the push")
    expect(words.locator(".ecr-head")).to_contain_text("kept")
    tab_to(page, token)
    page.keyboard.press("Space")
    expect(token).to_be_checked()
    tab_to(page, words.get_by_role("button", name="I made these points"))
    assert lab.accessibility(axe) == []
    picture(page, "kinds-points", words)
    page.keyboard.press("Enter")
    expect(words.locator(".ecr-head")).to_contain_text("passed")
    expect(words).to_contain_text("your answer makes 1 of 3 points")
    expect(words).to_contain_text("A good answer:")

    cards = {"order": order, "file": file, "error": error, "match": match, "words": words}
    for card in cards.values():
        assert sticking_out(card) == []
    assert lab.accessibility(axe) == []
    for name, card in cards.items():
        picture(page, f"kinds-{name}", card)
    lab.theme("JupyterLab Dark")
    assert lab.accessibility(axe) == []
    for name, card in cards.items():
        picture(page, f"kinds-{name}-dark", card)
