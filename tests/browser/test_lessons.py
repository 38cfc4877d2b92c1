"""A learner's way through the lessons, by clicking and by keyboard, with screenshots in light and dark."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from ecrlab_course.authoring.content import course

pytestmark = [pytest.mark.timeout(400), pytest.mark.one_room]

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


@pytest.mark.lesson("04")
def test_lesson_04_wrong_then_right_then_green(page: Page, opened: Any, axe: Path) -> None:
    lab = opened("04-first-push-1")
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
    expect(card.locator(".ecr-head")).to_contain_text("compared")
    expect(card).to_contain_text("You were certain")
    lab.answer("04-e2", "it stops: docker has no login for this registry")
    expect(card).to_contain_text("so your first one stays")
    expect(card.get_by_role("radio", name="it works: I am admin", exact=True)).to_be_checked()
    expect(card.locator(".ecr-head")).to_contain_text("compared")

    # To the denied push, and its X-ray.
    lab = opened("04-first-push-2")
    lab.run("04-page-2-load")
    lab.start_from("04-15-text-start")
    lab.run_to("04-15-guess", "04-16")
    denied = lab.cell("04-15")
    expect(denied).to_contain_text(
        "denied: User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecr:InitiateLayerUpload on "
        "resource: arn:aws:ecr:us-east-1:123456789012:repository/my-web-app because no identity-based policy allows "
        "the ecr:InitiateLayerUpload action"
    )
    xray = lab.cell("04-15-xray")
    refused = xray.locator(".ecr-lanes .ecr-refused").first
    expect(refused).to_contain_text("✗ denied")
    expect(refused).to_contain_text("ecr:InitiateLayerUpload")
    picture(page, "lesson-04", xray)

    # The half-right policy is named, the right one is green.
    card = lab.card("04-e6")
    lab.run_to("04-16-policy", "04-16-push")
    card.get_by_role("button", name="Check").click()
    verdict = card.locator(".ecr-verdict")
    expect(verdict).to_contain_text("not yet")
    expect(verdict).to_contain_text("That is the last request of a push")
    card.get_by_role("button", name="Hint").click()
    expect(card).to_contain_text("Hint 1 of 3")
    lab.write("04-16-policy", solution("04-first-push-2", "04-16-policy"))
    lab.run_to("04-16-policy", "04-16-push")
    card.get_by_role("button", name="Check").click()
    expect(card.locator(".ecr-head")).to_contain_text("passed")
    expect(card.locator(".ecr-verdict.ecr-ok")).to_be_visible()
    picture(page, "lesson-04-green", lab.cell("04-16"))

    assert lab.accessibility(axe) == []
    lab.theme(DARK)
    picture(page, "lesson-04-green-dark", lab.cell("04-16"))
    picture(page, "lesson-04-dark", xray)
    assert lab.accessibility(axe) == []


@pytest.mark.lesson("00")
def test_lesson_00_by_keyboard(page: Page, opened: Any, axe: Path) -> None:
    lab = opened("00-start-here")
    lab.run_to("00-02", "00-14")
    picture(page, "lesson-00", lab.cell("00-05"))
    picture(page, "lesson-00-xray", lab.cell("00-11"))
    card = lab.card("00-e2")
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
    expect(lab.cell("00-25")).to_contain_text("stopped, as this page expected")
    expect(lab.cell("00-25")).to_contain_text("Three questions to ask of any error")
    picture(page, "lesson-00-reading", lab.cell("00-25"))
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


@pytest.mark.lesson("00")
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
    expect(lab.card("00-e1").locator(".ecr-verdict")).to_contain_text("compared")
    picture(page, "lesson-00-compared", lab.card("00-e1"))


def placed(card: Locator, places: dict[str, str]) -> None:
    """Give items of a Match their places, or steps of an Order their numbers, and press the card's first button."""
    for item, place in places.items():
        card.get_by_label(item, exact=True).select_option(place)
    if card.locator(".ecr-sure").count():
        card.get_by_role("radio", name="fairly sure").check()
    card.page.wait_for_timeout(300)
    card.locator(".ecr-buttons button").first.click()


def policy(*statements: dict[str, Any]) -> str:
    """Return a policy as typed into an editor."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=2)


@pytest.mark.timeout(900)
@pytest.mark.lesson("06")
def test_lesson_06_people_policies_and_another_account(page: Page, opened: Any, axe: Path) -> None:
    lab = opened("06-iam-for-ecr-1")
    slug = "06-iam-for-ecr-2"
    lab.run_to("06-02", "06-06")
    denied = lab.cell("06-05-run")
    expect(denied).to_contain_text("because no identity-based policy allows the ecr:DescribeImages action")

    # The sentence in pieces: a missing Allow that is taken for a ban is answered by name.
    card = lab.card("06-e1")
    pieces = {
        "AccessDeniedException": "AWS knows who is asking, and says no",
        "User: arn:aws:iam::123456789012:user/ops": "the principal",
        "ecr:DescribeImages": "the action",
        "arn:aws:ecr:us-east-1:123456789012:repository/my-web-app": "the resource",
        "because no identity-based policy allows the ecr:DescribeImages action": "explicit deny: somebody forbade it",
    }
    placed(card, pieces)
    expect(card.locator(".ecr-verdict")).to_contain_text("Nobody forbade anything")
    placed(card, {list(pieces)[-1]: "implicit deny: nobody allowed it"})
    expect(card.locator(".ecr-head")).to_contain_text("passed")
    picture(page, "lesson-06-sentence", lab.cell("06-05-run"))

    # The web page's policy, as it stands: a certain miss is kept.
    lab.run_to("06-07-policy", "06-07-guess")
    lab.answer("06-e2", "nowhere: it is a pull policy", "certain")
    expect(lab.card("06-e2")).to_contain_text("Your guess is kept")
    lab.run("06-08-run")
    expect(lab.cell("06-08-run")).to_contain_text("ecr:GetAuthorizationToken on resource: *")
    expect(lab.cell("06-08-run")).to_contain_text("Cannot perform an interactive login from a non TTY device")
    expect(lab.card("06-e2").locator(".ecr-verdict")).to_contain_text("You were certain")
    expect(lab.card("06-e2").locator(".ecr-head")).to_contain_text("compared")
    lab.run("06-08-xray")
    expect(lab.cell("06-08-xray")).to_contain_text("✗ denied")

    # Fixed in the editor: the login in the same statement is named, two statements pass; the matrix follows.
    lab.run_to("06-10", "06-10-editor")
    card, editor = lab.card("06-e3"), lab.cell("06-10-editor").locator(".ecr-editor")
    text = editor.get_by_label("The policy (JSON)")
    web_app = "arn:aws:ecr:us-east-1:123456789012:repository/my-web-app"
    pull = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    text.fill(policy({"Effect": "Allow", "Action": [*pull, "ecr:GetAuthorizationToken"], "Resource": web_app}))
    expect(editor.get_by_title("ops, pull my-web-app:")).to_have_text("✓ allowed")
    expect(editor.get_by_title("ops, login:")).to_have_text("✗ not allowed")
    editor.get_by_role("button", name="Save").click()
    expect(editor).to_contain_text("Saved: it is the policy pull of user ops now")
    card.get_by_role("button", name="Check").click()
    expect(card.locator(".ecr-verdict")).to_contain_text("this statement never matches")
    card.get_by_role("button", name="Hint").click()
    expect(card).to_contain_text("Hint 1 of 3")
    login = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
    text.fill(policy(login, {"Effect": "Allow", "Action": pull, "Resource": web_app}))
    expect(editor.get_by_title("ops, login:")).to_have_text("✓ allowed")
    picture(page, "lesson-06-editor", lab.cell("06-10"))
    editor.get_by_role("button", name="Save").click()
    expect(editor).to_contain_text("Saved: it is the policy pull of user ops now")
    card.get_by_role("button", name="Check").click()
    expect(card.locator(".ecr-head")).to_contain_text("passed")
    assert lab.accessibility(axe) == []

    # Pull and push, the answer without words, the Deny that stays.
    lab.run_to("06-11", "06-14-xray")
    expect(lab.cell("06-13")).to_contain_text("403")
    expect(lab.cell("06-13-why")).to_contain_text("ecr:BatchCheckLayerAvailability")
    lab.run_to("06-16-guess", "06-17-tidy")
    expect(lab.cell("06-16")).to_contain_text("ops pushes my-web-app:omar: ✓ done")
    expect(lab.cell("06-17")).to_contain_text("with an explicit deny in an identity-based policy")

    # Second half: four states, then the partner in earnest. One half alone is not enough.
    assert lab.accessibility(axe) == []
    lab.theme(DARK)
    picture(page, "lesson-06-editor-dark", lab.cell("06-10"))
    lab.theme(LIGHT)
    lab = opened("06-iam-for-ecr-2")
    lab.run("06-page-2-load")
    lab.start_from("06-21-text-start")
    lab.run_to("06-21-policy", "06-25")
    expect(lab.cell("06-23")).to_contain_text("with an explicit deny in a resource-based policy")
    expect(lab.cell("06-24-run")).to_contain_text("partner pulls dev/playground:1: ✓ done")
    picture(page, "lesson-06-accounts", lab.cell("06-24-picture"))
    card = lab.card("06-e6")
    lab.write("06-25-ours", solution(slug, "06-25-ours"))
    lab.run("06-25-ours")
    card.get_by_role("button", name="Check").click()
    expect(card.locator(".ecr-verdict")).to_contain_text("the map company's own half")
    lab.write("06-25-theirs", solution(slug, "06-25-theirs"))
    lab.run("06-25-theirs")
    card.get_by_role("button", name="Check").click()
    expect(card.locator(".ecr-head")).to_contain_text("passed")

    # Roles: the order is carried out; the trust policy is fixed and used.
    lab.run_to("06-26", "06-28")
    expect(lab.cell("06-27")).to_contain_text("assumed-role/deployer/build-42 is not authorized")
    card = lab.card("06-e7")
    role, assume = "create the role; its trust policy names ci", "ci assumes the role (AssumeRole)"
    placed(card, {role: "1", assume: "2", "push my-web-app:night": "3"})
    expect(card.locator(".ecr-verdict")).to_contain_text("the role may do nothing yet", timeout=60_000)
    placed(card, {"give the role the push policy": "3", "push my-web-app:night": "4"})
    expect(card.locator(".ecr-head")).to_contain_text("passed", timeout=60_000)
    expect(card).to_contain_text("they are read at each request")
    lab.run("06-29")
    card = lab.card("06-e8")
    area = card.get_by_label("releaser-trust.json")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    area.fill(policy(trust))
    card.get_by_role("button", name="Run it").click()
    expect(card.locator(".ecr-verdict")).to_contain_text("ops, developer could as well", timeout=60_000)
    area.fill(policy({**trust, "Principal": {"AWS": "arn:aws:iam::123456789012:user/ci"}}))
    card.get_by_role("button", name="Run it").click()
    expect(card.locator(".ecr-head")).to_contain_text("passed", timeout=60_000)

    # Fences, and six worlds that IAM decides.
    lab.run_to("06-30-guess", "06-30-run")
    lab.run("06-32")
    expect(lab.cell("06-30-run")).to_contain_text("because no permissions boundary allows")
    card = lab.card("06-e9")
    card.get_by_role("radio", name="a boundary around the role").check()
    card.get_by_role("radio", name="fairly sure").check()
    card.get_by_role("button", name="Answer").click()
    expect(card.locator(".ecr-verdict")).to_contain_text("no permissions boundary allows")
    card.get_by_role("radio", name="the job asked for a narrower session when it assumed the role").check()
    card.get_by_role("button", name="Answer").click()
    expect(card.locator(".ecr-head")).to_contain_text("passed")
    lab.run("06-34")
    card = lab.card("06-e10")
    nobody = "implicit deny: nobody said yes, or not everybody who must"
    named = "Aiko asks for the manifest. Her user: the login. The repository policy, in her own account: her user."
    worlds = {
        "Omar begins an upload. His user: Allow everything. His group: Deny ecr:InitiateLayerUpload.": "allowed",
        named: "allowed",
        "Aiko asks for the manifest. Her user: the login. The repository policy: her account, …:root.": nobody,
        "The robot begins an upload. Its user: Allow push. Its boundary: pull only.": nobody,
        "The robot begins an upload. Its user: the login. Its boundary: everything.": nobody,
        "The partner asks for the manifest. At home: the login. Our repository policy: the partner's account.": nobody,
    }
    placed(card, worlds)
    expect(card.locator(".ecr-verdict")).to_contain_text("A Deny is not outvoted")
    placed(card, {next(iter(worlds)): "explicit deny: a Deny matches"})
    expect(card.locator(".ecr-head")).to_contain_text("passed")
    lab.run("06-35-run")
    card = lab.card("06-i1")
    card.get_by_label("Your own answer").fill("I ask who I am, read who, what, on which thing, and the ending.")
    card.get_by_role("button", name="Keep my answer").click()
    card.get_by_role("checkbox").first.check()
    card.get_by_role("button", name="I made these points").click()
    expect(card.locator(".ecr-head")).to_contain_text("passed")
    picture(page, "lesson-06-worlds", lab.cell("06-34"))

    assert lab.accessibility(axe) == []
    lab.theme(DARK)
    picture(page, "lesson-06-worlds-dark", lab.cell("06-34"))
    picture(page, "lesson-06-accounts-dark", lab.cell("06-24-picture"))
    assert lab.accessibility(axe) == []
    lab.run("06-36-reset")
    lab.cell("06-36-reset").get_by_role("button", name="Put Lesson 06 back").click()
    expect(lab.cell("06-36-reset")).to_contain_text("Permissions of developer, ci, ops, auditor: as at the start")
