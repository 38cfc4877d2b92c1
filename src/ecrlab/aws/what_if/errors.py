"""What is said of a question that cannot be put."""

from __future__ import annotations

from collections.abc import Iterable


class Unanswerable(ValueError):  # noqa: N818 (an answer, not a failure)
    """A question that cannot be put; the text says what was seen and what there is.

    ``missing`` is "principal", "action" or "resource" when that was not found.
    """

    def __init__(self, message: str, missing: str = "") -> None:
        super().__init__(message)
        self.missing = missing


def some(names: Iterable[str], most: int = 12) -> str:
    """Return the names there are for a sentence, the first ``most`` of many."""
    shown = list(names)
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")
