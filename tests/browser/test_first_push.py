"""Lesson 04 by clicking: steps in order, a tag that moved, sorting, an error, a file, four failures at once."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from .test_lessons import DARK, LIGHT, picture, solution

pytestmark = [pytest.mark.timeout(500), pytest.mark.lesson("04"), pytest.mark.one_room]
ONE, TWO = "04-first-push-1", "04-first-push-2"


def test_the_first_half(page: Page, opened: Any, axe: Any) -> None:
    lab = opened(ONE)
    lab.run("04-02")
    lab.start_from("04-12-text-start")

    # Push before login: docker's own words come back. Then an order that works.
    lab.run("04-13")
    card = lab.card("04-e4")
    words = {
        "create": "aws ecr create-repository … receipts",
        "build": "docker build -t receipts:1 my-web-app/",
        "login": "aws ecr get-login-password | docker login …",
        "tag": "docker tag receipts:1 $REGISTRY/receipts:1",
        "push": "docker push $REGISTRY/receipts:1",
        "show": "aws ecr describe-images … imageTag=1",
    }
    for number, name in enumerate(("create", "build", "tag", "push", "login", "show"), 1):
        card.get_by_label(words[name], exact=True).select_option(str(number))
    card.get_by_role("button", name="Run this order").click()
    expect(card.locator(".ecr-verdict")).to_contain_text("no basic auth credentials", timeout=90_000)
    card.get_by_role("button", name="Hint").click()
    expect(card).to_contain_text("It got as far as step 4")
    for number, name in enumerate(("create", "build", "login", "tag", "push", "show"), 1):
        card.get_by_label(words[name], exact=True).select_option(str(number))
    card.get_by_role("button", name="Run this order").click()
    expect(card.locator(".ecr-head")).to_contain_text("passed", timeout=90_000)
    picture(page, "lesson-04-order", lab.cell("04-13"))

    # The tag has moved: the newest image is the wrong one, the nameless one is right.
    lab.start_from("04-14-text-start")
    lab.run_to("04-14-move", "04-14-e5")
    card = lab.card("04-e5")
    lab.write(
        "04-14-e5-work",
        '%%bash\ndocker tag my-web-app:1.1 "$REGISTRY/my-web-app:tested"\ndocker push -q "$REGISTRY/my-web-app:tested"',
    )
    lab.run("04-14-e5-work")
    card.get_by_role("button", name="Check").click()
    expect(card.locator(".ecr-verdict")).to_contain_text("name one image", timeout=60_000)
    lab.write("04-14-e5-work", solution(ONE, "04-14-e5-work"))
    lab.run("04-14-e5-work")
    card.get_by_role("button", name="Check").click()
    expect(card.locator(".ecr-head")).to_contain_text("passed", timeout=60_000)
    picture(page, "lesson-04-moved", lab.cell("04-14-move"))
    assert lab.accessibility(axe) == []


@pytest.mark.one_page
def test_the_second_half(page: Page, opened: Any, axe: Any) -> None:
    lab = opened(TWO)
    lab.run("04-page-2-load")

    # Sort: the right in the token is answered by name.
    lab.run("04-17-e7")
    card = lab.card("04-e7")
    settled, again, neither = "settled when the token is fetched", "asked again with each request", "neither"
    places = {
        "who you are": settled,
        "whether you may push to my-web-app": settled,
        "how long the login is good for": settled,
        "which Region's registries it opens": settled,
        "whether the tag 1.1 exists": again,
        "your AWS secret key": neither,
    }
    for item, place in places.items():
        card.get_by_label(item, exact=True).select_option(place)
    card.get_by_role("radio", name="fairly sure").check()
    card.get_by_role("button", name="Answer").click()
    expect(card.locator(".ecr-verdict")).to_contain_text("the permission is looked up at the push")
    card.get_by_label("whether you may push to my-web-app", exact=True).select_option(again)
    card.get_by_role("button", name="Answer").click()
    expect(card.locator(".ecr-head")).to_contain_text("passed")
    picture(page, "lesson-04-token", lab.cell("04-17-e7"))

    # Read the error: docker's guess, then ECR's words.
    lab.run("04-18-e8")
    card = lab.card("04-e8")
    expect(card).to_contain_text("authorization token has expired", timeout=60_000)
    lab.answer("04-e8", "the repository does not exist", "certain")
    expect(card.locator(".ecr-verdict")).to_contain_text("they are docker's")
    lab.answer("04-e8", "the login is too old")
    expect(card.locator(".ecr-head")).to_contain_text("passed")
    picture(page, "lesson-04-error", lab.cell("04-18-e8"))

    # Four at once: one look into the other Region tells two equal texts apart.
    lab.run_to("04-20-desk", "04-20")
    card = lab.card("04-e10")
    causes = {
        "1": "repository never made",
        "2": "tag missing",
        "3": "token expired",
        "4": "repository never made",
    }
    for number, cause in causes.items():
        card.get_by_label(f"failure {number}").select_option(cause)
    card.get_by_role("button", name="Run it").click()
    expect(card.locator(".ecr-verdict")).to_contain_text("Another Region may have it")
    card.get_by_label("failure 4").select_option("repository made in another Region")
    card.get_by_role("button", name="Run it").click()
    expect(card.locator(".ecr-head")).to_contain_text("passed")

    lab.run("04-24-back-run")
    expect(lab.cell("04-24-back-run")).to_contain_text("You made no guess. It is false.")
    assert lab.accessibility(axe) == []
    lab.theme(DARK)
    picture(page, "lesson-04-token-dark", lab.cell("04-17-e7"))
    picture(page, "lesson-04-error-dark", lab.cell("04-18-e8"))
    assert lab.accessibility(axe) == []
    lab.theme(LIGHT)
    lab.run("04-25-reset")
    lab.cell("04-25-reset").get_by_role("button", name="Put Lesson 04 back").click()
    expect(lab.cell("04-25-reset")).to_contain_text("Your files and your progress were not touched.")


@pytest.mark.one_page
def test_the_night_job(page: Page, opened: Any) -> None:
    lab = opened(TWO)
    lab.run("04-page-2-load")

    # Fix the file: swallowed errors are named, a login in the loop is right.
    lab.run("04-19")
    card = lab.card("04-e9")
    area = card.get_by_role("textbox")
    start = area.input_value()
    push = 'docker push -q "$REGISTRY/my-web-app:night-$hour"'
    area.fill(start.replace(push, f"{push} || true"))
    area.blur()
    card.get_by_role("button", name="Run it").click()
    expect(card.locator(".ecr-verdict")).to_contain_text("Still missing in ECR: the images of", timeout=120_000)
    login = start[start.index("aws ecr get") : start.index("for hour in")]
    area.fill(start.replace(login, "").replace(f"  {push}", f"  {login}  {push}"))
    area.blur()
    page.wait_for_timeout(1000)
    card.get_by_role("button", name="Run it").click()
    expect(card.locator(".ecr-verdict")).to_contain_text("Four builds, each at its hour", timeout=120_000)
    expect(card.locator(".ecr-head")).to_contain_text("passed")
    picture(page, "lesson-04-night", lab.cell("04-19"))
