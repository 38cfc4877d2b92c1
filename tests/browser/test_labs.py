"""A learner's way through lab 01: wrong attempts and right ones, typed and clicked, with an engine that runs them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from ecrlab.engine import private
from ecrlab_course.authoring.content import course

from .conftest import Lab, Room, started

pytestmark = [pytest.mark.timeout(400), pytest.mark.lesson("lab-01")]

SLUG = "labs/01-ship-my-web-app"


@pytest.fixture
def room_with_engine(tmp_path: Path) -> Iterator[Room]:
    reason = private.possible() or (f"missing: {private.missing()}" if private.missing() else None)
    if reason:
        pytest.skip(reason)
    yield from started(tmp_path, engine="private")


def picture(page: Page, name: str, above: Locator) -> None:
    """Take a screenshot with `above` at the top into screenshots/."""
    above.evaluate("e => e.scrollIntoView({ block: 'start' })")
    page.wait_for_timeout(300)
    folder = course().root / "screenshots"
    folder.mkdir(exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")


def solution(identifier: str) -> str:
    """Return a solved cell's text."""
    book = nbformat.read(course().root / "solutions" / "lab-01-ship-my-web-app.ipynb", as_version=4)
    return str(next(cell.source for cell in book.cells if cell.id == identifier))


def checked(card: Locator, says: str) -> None:
    """Press Check and wait for the words."""
    card.get_by_role("button", name="Check").click()
    expect(card.locator(".ecr-verdict")).to_contain_text(says, timeout=60_000)


def test_lab_01_from_source_to_a_proved_container(page: Page, room_with_engine: Room, axe: Path) -> None:
    lab = Lab(page, room_with_engine, SLUG)
    lab.run_to("lab-01-02", "lab-01-05")
    expect(lab.cell("lab-01-02")).to_contain_text("Lab 01 · Ship my-web-app")
    assert (room_with_engine.work / "labs" / "01-ship-my-web-app" / "my-web-app-1.2" / "Dockerfile").is_file()
    picture(page, "lab-01", lab.cell("lab-01-03"))

    # Milestone 1: a name on the laptop sends nothing; then the push.
    one = lab.card("lab-01-m1")
    checked(one, "There is none yet")
    lab.write("lab-01-05-work", '%%bash\ndocker build -q -t "$REGISTRY/harbour/booking:1.2" my-web-app-1.2/')
    lab.run("lab-01-05-work")
    checked(one, "Naming it on the laptop sends nothing")
    one.get_by_role("button", name="Hint").click()
    expect(one).to_contain_text("Hint 1 of 3")
    lab.write("lab-01-05-work", solution("lab-01-05-work"))
    lab.run("lab-01-05-work")
    checked(one, "is in ECR, and a container of it finds the page of 1.2")
    expect(one.locator(".ecr-head")).to_contain_text("passed")

    # Milestone 2: the server pulls, with its own login.
    lab.run("lab-01-06")
    two = lab.card("lab-01-m2")
    checked(two, "There is none in the X-ray yet")
    lab.write("lab-01-06-work", solution("lab-01-06-work"))
    lab.run("lab-01-06-work")
    checked(two, "with its own login")

    # Milestone 3: a container that ended is none that runs.
    lab.run("lab-01-07")
    three = lab.card("lab-01-m3")
    ended = '%%bash --as ops\ndocker run -d --name booking "$REGISTRY/harbour/booking:1.2" /bin/busybox true'
    lab.write("lab-01-07-work", ended)
    lab.run("lab-01-07-work")
    checked(three, "ended with exit code 0")
    lab.write("lab-01-07-work", solution("lab-01-07-work"))
    expect(lab.run("lab-01-07-work").locator(".jp-OutputArea-output").first).to_have_text(re.compile(r"^\s*1\.2\s*$"))
    checked(three, "has the digest that ECR has for")
    picture(page, "lab-01-runs", lab.cell("lab-01-07"))

    # Milestone 4: a tag proves nothing; the digest that ECR reports does.
    look = (
        "aws ecr describe-images --repository-name harbour/booking --query 'imageDetails[0].imageDigest' --output text"
    )
    lab.write("lab-01-08-work", f"%%bash\n{look}")
    lab.run("lab-01-08")
    found = re.search(r"sha256:[0-9a-f]{64}", lab.run("lab-01-08-work").inner_text())
    assert found is not None
    four = lab.card("lab-01-m4")
    four.get_by_label("repository").fill("harbour/booking")
    four.get_by_label("digest").fill("1.2")
    four.get_by_role("button", name="Run it").click()
    expect(four.locator(".ecr-verdict")).to_contain_text("`1.2` is a tag".replace("`", ""), timeout=60_000)
    four.get_by_label("digest").fill(found[0])
    page.wait_for_timeout(1500)  # a person's pace: a busy kernel gets the new value after the click
    four.get_by_role("button", name="Run it").click()
    expect(four.locator(".ecr-head")).to_contain_text("passed", timeout=60_000)
    picture(page, "lab-01-proved", lab.cell("lab-01-08"))
    assert lab.accessibility(axe) == []
    lab.theme("JupyterLab Dark")
    picture(page, "lab-01-dark", lab.cell("lab-01-04"))
    assert lab.accessibility(axe) == []

    # Passed milestones stay passed, and everything can be put away.
    lab.write("lab-01-12", solution("lab-01-12"))
    expect(lab.run("lab-01-12")).to_contain_text("Removed: harbour/booking. Permissions of ops: as at the start.")
    lab.write("lab-01-12", "lab.status()\nprint(sorted(lab.session.progress.read()['exercises']))")
    expect(lab.run("lab-01-12")).to_contain_text("['lab-01-m1', 'lab-01-m2', 'lab-01-m3', 'lab-01-m4']")
