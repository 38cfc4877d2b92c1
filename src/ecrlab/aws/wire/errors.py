"""The one exception that an operation raises for a client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class ApiError(Exception):
    """An answer that AWS would give in place of a result.

    ``code`` is the name of the error shape in botocore's model, or one of the common error codes; the wire code and
    the HTTP status follow from the model. ``status`` overrides the HTTP status. ``extra`` holds further members of the
    error shape. ``why`` is for the X-ray: what the client is not told.
    """

    code: str
    message: str
    status: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
