"""What the git server refuses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class CiError(Exception):
    """A request that is not carried out; ``message`` says what was seen and what was expected."""

    status: int
    message: str

    def __str__(self) -> str:
        return self.message
