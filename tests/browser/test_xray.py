"""The X-ray on a narrow page: at 1024x768 with the file browser open nothing is cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from ecrlab_course.authoring.content import course

pytestmark = [pytest.mark.timeout(240), pytest.mark.one_room]

LONG = "harbour-bikes/station-service/my-web-app"
LOGIN = "aws ecr get-login-password | docker login --username AWS --password-stdin $REGISTRY\n"
CELLS = {
    "push": f"""%%bash
aws ecr create-repository --repository-name {LONG} > /dev/null
{LOGIN}mkdir -p two-layers && cd two-layers && echo a > a && echo b > b
printf 'FROM scratch\\nCOPY a /a\\nCOPY b /b\\n' > Dockerfile
docker build -q -t $REGISTRY/{LONG}:1.1 .
docker push $REGISTRY/{LONG}:1.1""",
    "pull": f"""%%bash
docker tag $REGISTRY/{LONG}:1.1 kept && docker rmi kept $REGISTRY/{LONG}:1.1
docker pull $REGISTRY/{LONG}:1.1""",
    "refused": f"""%%bash --as ops --fails 'is not authorized to perform: ecr:InitiateLayerUpload'
{LOGIN}docker tag $REGISTRY/{LONG}:1.1 $REGISTRY/{LONG}:2
docker push $REGISTRY/{LONG}:2""",
}


def cut_off(shown: Locator) -> list[str]:
    """Return what reaches over the right edge of an output, and whether it has to be scrolled."""
    found: list[str] = shown.evaluate(
        """e => {
            const edge = e.getBoundingClientRect().right + 1, inside = [e, ...e.querySelectorAll('*')];
            return inside.filter(x => x.getBoundingClientRect().right > edge || x.scrollWidth > x.clientWidth + 1 &&
                getComputedStyle(x).display !== 'inline').map(x => x.outerHTML.slice(0, 200));
        }"""
    )
    return found


def test_the_xray_fits_a_small_screen(page: Page, room: Any, opened: Any, axe: Path) -> None:
    lab = opened("00-start-here")
    lab.run("00-02")
    page.set_viewport_size({"width": 1024, "height": 768})
    folder = course().root / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in CELLS.items():
        lab.write("00-04", text)
        lab.run("00-04")
        lab.write("00-08", "lab.xray()")
        shown = lab.run("00-08").locator(".ecrlab").last
        expect(shown).to_contain_text("X-ray: who asked what")
        width = shown.evaluate("e => e.closest('.jp-OutputArea-output').clientWidth")
        assert width <= 700, width
        for summary in shown.locator("summary").all():
            if summary.is_visible():
                summary.click()
        assert cut_off(shown) == [], name
        decided = shown.locator(".ecr-lanes tbody td:first-child .ecr-state")
        expect(decided.first).to_be_visible()
        assert set(decided.all_inner_texts()) <= {"✓ allowed", "✗ denied", "not asked"}
        assert lab.accessibility(axe) == []
        shown.evaluate("e => e.scrollIntoView({ block: 'start' })")
        page.screenshot(path=folder / f"xray-{name}.png")
    lab.theme("JupyterLab Dark")
    assert lab.accessibility(axe) == []
    page.screenshot(path=folder / "xray-dark.png")
