"""The home page as a learner meets it: tidy, a first push within a minute, the map, go on, put back."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from ecrlab.home import Home
from ecrlab_course.authoring.content import course
from ecrlab_course.progress import Progress
from ecrlab_course.toolbox.lab import Lab as Cloud

from .test_lessons import DARK, picture

pytestmark = [pytest.mark.timeout(400), pytest.mark.one_room, pytest.mark.one_page]
A_MINUTE = 60


def test_jupyterlab_opens_tidy_and_the_first_push_is_there_within_a_minute(page: Page, opened: Any, axe: Any) -> None:
    began = time.monotonic()
    lab = opened("00-start-here")
    expect(page.get_by_role("region", name="File Browser Section").or_(page.locator("#filebrowser"))).to_be_visible()
    expect(page.locator(".jp-DirListing-item").filter(has_text="04-first-push").first).to_be_visible()
    headings = page.locator(".jp-TableOfContents")
    expect(headings).to_be_visible()
    expect(headings).to_contain_text("Guess, then run")
    assert page.locator(".jp-toast-message, .Toastify__toast").count() == 0, "a pop-up stands in the way"

    lab.run_to("00-02", "00-10")
    expect(lab.cell("00-10")).to_contain_text("1: digest: sha256:")
    assert time.monotonic() - began < A_MINUTE

    # No column of the X-ray is cut at this width.
    lab.run("00-12")
    lab.cell("00-12").get_by_text("Every request in a table").click()
    table = lab.cell("00-12").locator(".ecr-requests")
    wide = table.evaluate(
        "e => [e.getBoundingClientRect().right, e.closest('.ecr-xray').getBoundingClientRect().right]"
    )
    assert wide[0] <= wide[1] + 1
    picture(page, "lesson-00-table", table)
    assert lab.accessibility(axe) == []


def test_the_map_goes_on_and_puts_back(page: Page, opened: Any, room: Any, axe: Any) -> None:
    lab = opened("00-start-here")
    lab.run_to("00-02", "00-04")
    home = page.locator(".ecr-home")
    course_map = page.get_by_role("navigation", name="Map of the course")
    link = course_map.get_by_role("link", name="Lesson 04, The first push to ECR: not begun")
    expect(link).to_be_visible()
    expect(course_map.get_by_role("listitem").filter(has_text="not written yet").first).to_be_attached()
    assert course_map.get_by_role("link").filter(has_text="not written yet").count() == 0, "a link to nothing"
    expect(home).to_contain_text("local, not AWS", timeout=60_000)
    picture(page, "home", lab.cell("00-03"))
    assert lab.accessibility(axe) == []
    lab.theme(DARK)
    picture(page, "home-dark", lab.cell("00-03"))
    assert lab.accessibility(axe) == []

    # The map follows what is done.
    lab.run_to("00-06", "00-14")
    lab.answer("00-e2", "PUT …/manifests/1")
    expect(lab.card("00-e2").locator(".ecr-head")).to_contain_text("passed")
    lab.run("00-12")
    expect(course_map).to_contain_text("Start here: begun, 1 of 5 exercises")

    # A wrong answer after a pass: the pass is kept, and the card says both.
    lab.answer("00-e2", "POST …/blobs/uploads/")
    expect(lab.card("00-e2").locator(".ecr-head")).to_contain_text("passed")
    expect(lab.card("00-e2").locator(".ecr-head")).to_contain_text("last try: not yet")
    expect(lab.card("00-e2")).to_contain_text("that is kept")

    # Put back: asked first, then done.
    cloud = Cloud(Home(room.home))
    assert "hello" in [r["repositoryName"] for r in cloud.client("ecr").describe_repositories()["repositories"]]
    home.get_by_role("button", name="Put it back…").click()
    expect(home).to_contain_text("This removes")
    home.get_by_role("button", name="No").click()
    expect(home).to_contain_text("Nothing was removed")
    home.get_by_role("button", name="Put it back…").click()
    home.get_by_role("button", name="Yes, remove it").click()
    expect(home).to_contain_text("Removed: hello")
    assert cloud.client("ecr").describe_repositories()["repositories"] == []

    # Go on: the place of another notebook opens at its cell.
    for identifier in course().lessons["00"].exercises:
        Progress(Home(room.home).progress).judged(identifier, "passed", None, None)
    page.wait_for_timeout(1100)
    home.get_by_role("button", name="Continue where I stopped").click()
    expect(home).to_contain_text("Go on with Lesson 01, Containers: 01-containers-1.ipynb.")
    place = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook")
    expect(place.get_by_role("heading", name="01 · Containers")).to_be_in_viewport(timeout=60_000)
