"""What somebody typed beside a drill's evidence, read as it was meant: numbers in digits and in words."""

from __future__ import annotations

import re

NUMBERS = {
    name: number
    for number, names in enumerate(
        (
            "zero none nothing no", "one first single", "two second both", "three third", "four fourth", "five fifth",
            "six sixth", "seven seventh", "eight eighth", "nine ninth", "ten tenth",
        )
    )
    for name in names.split()
}  # fmt: skip


def numbers(text: str) -> list[int]:
    """Return the numbers of a text in order: 2, two, second; nothing and none are 0."""
    return [each for each in map(_value, _words(text)) if each is not None]


def number(text: str, of: str = "") -> int | None:
    """Return the one number that a text says; None when it says none, or more than one.

    Of several those count that stand before the word `of`, or one word before it: "four names, one image" says 1 image.
    """
    words = _words(text)
    places = [place for place, word in enumerate(words) if of and word.startswith(of)]
    before = [numbers(" ".join(words[max(place - 2, 0) : place]))[-1:] for place in places]
    said = {each for found in before for each in found} or set(numbers(text))
    return said.pop() if len(said) == 1 else None


def _words(text: str) -> list[str]:
    return re.findall(r"\d+|[a-z]+", text.lower())


def _value(word: str) -> int | None:
    return int(word) if word.isdecimal() else NUMBERS.get(word)
