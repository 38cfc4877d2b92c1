"""05-e8: what the learner's own table shows. What a learner reads is in e8.md."""

from __future__ import annotations

from ecrlab_course.authoring import Lab

CELLS = {
    "hub-makes": ("shows", "creates.hub"),
    "ecr-makes": ("opposite", "creates.ecr"),
    "hub-private": ("opposite", "changes.hub"),
    "switch": ("opposite", "changes.ecr"),
    "safer": ("open", ""),
    "no-count": ("shows", "how-many.ecr"),
    "unlimited": ("opposite", "ends.ecr"),
    "hours": ("shows", "kept.ecr"),
    "cleaning": ("open", ""),
}
"""Each statement: its place where the cell that settles it is filled, and that cell; "" for none. Lesson 07 fills
`ends.ecr`."""


PAGES = (("creates.hub", "creates.ecr", "changes.hub", "changes.ecr"), ("kept.ecr", "how-many.ecr"))
"""These cells by the page that fills them."""


def right(lab: Lab) -> dict[str, str]:
    """Return where each statement belongs by the learner's table as it is; by the page's where that filled nothing."""
    shown = lab.shown()
    unused = [cell for page in PAGES if not set(page) & set(shown) for cell in page]
    return {key: place if cell in shown or cell in unused else "open" for key, (place, cell) in CELLS.items()}
