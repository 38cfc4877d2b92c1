"""Where the course's checkout lies: the folder that holds content/."""

from __future__ import annotations

from pathlib import Path


class ContentError(Exception):
    """No folder `content/lessons` was found, or a lesson in it cannot be read."""


def course_root() -> Path:
    """Return the checkout: the nearest folder with `content/lessons` above this package, else above the working folder.

    Raises ContentError when neither has one.
    """
    for start in (Path(__file__).resolve(), Path.cwd().resolve() / "x"):
        for folder in start.parents:
            if (folder / "content" / "lessons").is_dir():
                return folder
    raise ContentError(
        "The course's folder content/lessons was not found, neither above the installed package nor above "
        f"{Path.cwd()}. Open the notebook inside a checkout of the course."
    )
