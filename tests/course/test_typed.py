"""Numbers as people type them."""

from __future__ import annotations

import pytest

from ecrlab_course.authoring.typed import number, numbers


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2", [2]),
        ("Two.", [2]),
        ("five, three, one", [5, 3, 1]),
        ("none", [0]),
        ("exit 0", [0]),
        ("some", []),
        ("", []),
    ],
)
def test_numbers_in_digits_and_in_words(text: str, said: list[int]) -> None:
    assert numbers(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1", 1), (" one image ", 1), ("four names, but only one image", 1), ("1 image (4 tags)", 1), ("4", 4),
        ("images: 1", 1), ("1 container, 4 images", 4), ("1 or 2", None), ("", None), ("many", None),
    ],
)  # fmt: skip
def test_the_number_that_is_meant(text: str, said: int | None) -> None:
    assert number(text, of="image") == said
