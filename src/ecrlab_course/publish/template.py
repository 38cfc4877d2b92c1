"""A new lesson from the template in content/template: a draft that builds, runs and is checked at once."""

from __future__ import annotations

import re
from pathlib import Path

from ecrlab_course.authoring.course_plan import plan
from ecrlab_course.learner.work_folder import written

MINUTES = 15
"""What the template's core cells take."""


class TemplateError(Exception):
    """The lesson cannot be made: its number, its name or its folder."""


def new_lesson(root: Path, number: str, slug: str, title: str) -> Path:
    """Make content/lessons/NUMBER_SLUG from the template and return the folder.

    `root` is the checkout; `number` has two digits ("07"), `slug` lower-case letters and underscores (hyphens become
    underscores). Raises TemplateError when one of them does not fit, the number is taken, or the plan has none.
    """
    name = slug.replace("-", "_")
    if not re.fullmatch(r"\d\d", number):
        raise TemplateError(f"A lesson's number has two digits, such as 07; seen {number!r}.")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise TemplateError(f"A lesson's name is lower-case letters, digits and underscores; seen {slug!r}.")
    if not title.strip() or re.search(r'["\\\n]', title):
        raise TemplateError(f"The title is one line without quotation marks; seen {title!r}.")
    if number not in [row.id for row in plan(root)]:
        raise TemplateError(f"The plan of the course has no lesson {number}. Add it to content/course.toml first.")
    taken = sorted((root / "content" / "lessons").glob(f"{number}_*"))
    if taken:
        raise TemplateError(f"Lesson {number} is there already: content/lessons/{taken[0].name}.")
    folder = root / "content" / "lessons" / f"{number}_{name}"
    source = root / "content" / "template"
    words = {"__NN__": number, "__TITLE__": title.strip(), "__MINUTES__": str(MINUTES)}
    for path in written(source):
        text = path.read_text(encoding="utf-8")
        for key, value in words.items():
            text = text.replace(key, value)
        target = folder / path.relative_to(source)
        if target.name.endswith(".py.txt"):
            target = target.with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return folder
