"""Pictures as a page shows them: their text can be read where the page is narrow, and stays in its box."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from ecrlab_course.authoring.content import course

NARROW = 700
"""How wide a picture is shown in JupyterLab at 1024x768, with the file browser open."""
SMALLEST = 12
"""CSS pixels of the smallest text that is shown."""
PICTURES = sorted(course().root.glob("content/**/images/*.svg"))

LOOK = """() => {
    const svg = document.querySelector('svg'), place = e => e.getBoundingClientRect();
    const scale = place(svg).width / svg.viewBox.baseVal.width;
    const texts = [...svg.querySelectorAll('text')].filter(t => t.textContent.trim());
    const boxes = [...svg.querySelectorAll('rect')].map(place).filter(b => b.width > 20);
    const small = [], outside = [];
    for (const text of texts) {
        for (const part of [text, ...text.querySelectorAll('tspan')]) {
            const size = parseFloat(getComputedStyle(part).fontSize) * scale;
            if (size < SMALLEST) { small.push(`${part.textContent}: ${size.toFixed(1)}`); }
        }
        const at = place(text), middle = (at.top + at.bottom) / 2, anchor = getComputedStyle(text).textAnchor;
        const begin = {middle: (at.left + at.right) / 2, end: at.right - 2, start: at.left + 2}[anchor];
        const inside = boxes.filter(b => b.left <= begin && begin <= b.right && b.top <= middle && middle <= b.bottom);
        const box = inside.sort((a, b) => a.width * a.height - b.width * b.height)[0];
        if (box && (at.left < box.left || at.right > box.right)) { outside.push(text.textContent); }
    }
    return [small, outside];
}"""


@pytest.fixture(scope="module")
def sheet(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": NARROW + 40, "height": 700})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_text_in_pictures_is_large_enough_and_in_its_box(sheet: Page, path: Path) -> None:
    drawn = path.read_text(encoding="utf-8")
    sheet.set_content(f'<body style="margin: 0"><div style="width: {NARROW}px">{drawn}</div>')
    sheet.add_style_tag(content="svg { max-width: 100%; height: auto }")
    found: Any = sheet.evaluate(LOOK.replace("SMALLEST", str(SMALLEST)))
    assert found == [[], []]
