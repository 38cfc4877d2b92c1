"""What the hub refuses outside the registry protocol."""

from __future__ import annotations


class HubError(Exception):
    """A request that is not carried out; the text is for the person who asked.

    Args:
        status: the HTTP status, 4xx.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
