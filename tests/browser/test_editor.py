"""The policy editor in JupyterLab: typed into, fixed, opened by the keyboard, saved."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from ecrlab.home import Home
from ecrlab_course.authoring.content import course
from ecrlab_course.toolbox.lab import Lab as Cloud

pytestmark = [pytest.mark.timeout(240), pytest.mark.one_room, pytest.mark.one_page]

OPEN = """lab.policy_editor({"user": "ops", "policy": "deploy"}, ["ops", "ci", "developer"],
                  ["login", "pull", "push"], ["my-web-app"])"""
BROKEN = """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "ecr:*",
      "Resorce": "arn:aws:ecr:us-east-1:123456789012:repository/my-web-app"
    }
  ]
}"""


def picture(page: Page, name: str, shown: Locator) -> None:
    """Take a screenshot of the editor into screenshots/."""
    folder = course().root / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    shown.evaluate("e => e.scrollIntoView({ block: 'start' })")
    page.wait_for_timeout(300)
    page.screenshot(path=folder / f"{name}.png")


def sticking_out(editor: Locator) -> list[str]:
    """Return what reaches over the right edge of its half of the editor."""
    found: list[str] = editor.evaluate(
        """e => [...e.querySelectorAll('.ecr-text, .ecr-side')].flatMap(half => {
            const edge = half.getBoundingClientRect().right + 5;
            const inside = [...half.querySelectorAll('*')];
            return inside.filter(x => x.getBoundingClientRect().right > edge).map(x => x.outerHTML.slice(0, 200));
        })"""
    )
    return found


def test_the_policy_editor(page: Page, room: Any, opened: Any, axe: Path) -> None:
    lab = opened("00-start-here")
    lab.run("00-02")
    lab.write("00-04", OPEN)
    lab.run("00-04")
    editor = page.locator(".ecr-editor")
    text, said = editor.get_by_label("The policy (JSON)"), editor.locator(".ecr-problem")

    def cell(person: str, what: str) -> Locator:
        return editor.get_by_title(f"{person}, {what}:")

    expect(said).to_contain_text("IAM would accept it")
    expect(cell("ops", "pull my-web-app")).to_have_text("✓ allowed")
    expect(cell("ops", "push my-web-app")).to_have_text("✗ not allowed")
    expect(cell("developer", "push my-web-app")).to_have_text("✓ allowed")

    # A broken text: the line, the word, what to write instead; the matrix stays and says that it is old.
    text.fill(BROKEN)
    expect(said).to_contain_text("IAM would refuse it")
    expect(said).to_contain_text('Line 7, at "Resorce"')
    expect(said).to_contain_text("Did you mean Resource?")
    expect(said.locator("mark")).to_have_text('"Resorce"')
    expect(editor).to_contain_text("still that of the last text that IAM accepts")
    editor.get_by_role("button", name="Save").click()
    expect(editor).to_contain_text("Not saved: line 7")
    assert sticking_out(editor) == []
    assert lab.accessibility(axe) == []
    picture(page, "editor-broken", editor)

    # Every line has its number; the button goes to the word that is wrong.
    lines = editor.locator(".ecr-lines > div")
    expect(lines).to_have_count(BROKEN.count("\n") + 1)
    high = lines.evaluate_all(
        "rows => rows.at(-1).getBoundingClientRect().bottom - rows[0].getBoundingClientRect().top"
    )
    typed = text.evaluate(
        "e => { e.style = 'min-height: 0; height: 20px'; const high = e.scrollHeight; e.style = ''; return high - 16 }"
    )
    assert abs(high - typed) < 2, "numbers and text are not side by side"
    expect(lines.nth(6).locator(".ecr-wrong")).to_have_text('"Resorce"')
    jump = editor.get_by_role("button", name="Go to line 7")
    jump.press("Enter")
    expect(text).to_be_focused()
    assert text.evaluate("e => e.value.slice(e.selectionStart, e.selectionEnd)") == '"Resorce"'

    # Fixed by hand, key by key: what ops may do follows.
    text.focus()
    page.keyboard.press("Control+Home")
    for _ in range(6):
        page.keyboard.press("ArrowDown")
    for _ in range(len('      "Reso')):
        page.keyboard.press("ArrowRight")
    page.keyboard.type("u")
    expect(said).to_contain_text("IAM would accept it")
    expect(cell("ops", "push my-web-app")).to_have_text("✓ allowed")
    expect(cell("ops", "login")).to_have_text("✓ allowed")
    expect(cell("ci", "push my-web-app")).to_have_text("✗ not allowed")

    # By the keyboard alone: from the text through the buttons into the matrix; a cell opens and says why.
    for _ in range(20):
        page.keyboard.press("Tab")
        if cell("ci", "push my-web-app").evaluate("e => e === document.activeElement"):
            break
    expect(cell("ci", "push my-web-app")).to_be_focused()
    width = cell("ci", "push my-web-app").evaluate("e => getComputedStyle(e).outlineWidth")
    assert float(width.removesuffix("px")) >= 2, "the focus is not visible"
    page.keyboard.press("Enter")
    why = editor.get_by_role("region", name="Why: ci, push my-web-app")
    expect(why).to_contain_text("ecr:InitiateLayerUpload")
    expect(why).to_contain_text("no identity-based policy allows")
    expect(why).to_contain_text("What would do")
    assert sticking_out(editor) == []
    assert lab.accessibility(axe) == []
    picture(page, "editor", editor)

    cloud = Cloud(Home(room.home))
    assert cloud.client("iam").list_user_policies(UserName="ops")["PolicyNames"] == []
    editor.get_by_role("button", name="Save").press("Enter")
    expect(editor).to_contain_text("Saved: it is the policy deploy of user ops now")  # the heading names it before
    saved = cloud.client("iam").get_user_policy(UserName="ops", PolicyName="deploy")["PolicyDocument"]
    assert saved["Statement"][0]["Action"] == "ecr:*"

    lab.theme("JupyterLab Dark")
    assert lab.accessibility(axe) == []
    picture(page, "editor-dark", editor)


def test_typing_a_policy(page: Page, room: Any, opened: Any) -> None:
    lab = opened("00-start-here")
    lab.run("00-02")
    lab.write("00-04", OPEN)
    lab.run("00-04")
    editor = page.locator(".ecr-editor")
    text, said = editor.get_by_label("The policy (JSON)"), editor.locator(".ecr-problem")
    lines = editor.locator(".ecr-lines > div")
    expect(said).to_contain_text("IAM would accept it")

    # Brackets and quotes close, a line begins below the one above, and what is closed by hand is not there twice.
    text.fill("")
    text.focus()
    page.keyboard.type(
        '{\n"Version": "2012-10-17",\n"Statement": [\n{"Effect": "Allow", "Action": "*", "Resource": "*"}'
    )
    assert text.input_value() == (
        '{\n  "Version": "2012-10-17",\n  "Statement": [\n'
        '    {"Effect": "Allow", "Action": "*", "Resource": "*"}\n  ]\n}'
    )
    expect(said).to_contain_text("IAM would accept it")
    expect(lines.locator(".ecr-pair")).to_have_text(["{", "}"])  # behind the bracket: it and its partner
    page.keyboard.press("Control+Z")
    page.keyboard.press("Control+Z")
    assert text.input_value().count("Statement") == 1
    page.keyboard.press("Control+A")
    page.keyboard.press("Tab")
    assert text.input_value().startswith("  {\n    ")
    page.keyboard.press("Shift+Tab")
    assert text.input_value().startswith("{\n  ")
    for key in ("ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
        expect(text).to_be_focused()
    page.keyboard.press("Tab")
    expect(text).not_to_be_focused()

    # Far above every limit: refused at once, and the page answers.
    text.focus()
    page.keyboard.press("Control+A")
    begun = time.monotonic()
    text.evaluate("e => { e.setRangeText('x'.repeat(700000)); e.dispatchEvent(new Event('input', {bubbles: true})) }")
    expect(said).to_contain_text("is 131,072 characters; this one has 700,")
    assert time.monotonic() - begun < 5
    begun = time.monotonic()
    editor.get_by_role("button", name="Reset").click()
    expect(said).to_contain_text("IAM would accept it")
    expect(lines).not_to_have_count(0)
    assert time.monotonic() - begun < 5
