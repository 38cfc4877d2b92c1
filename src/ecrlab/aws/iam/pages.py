"""Pages of IAM's lists."""

from __future__ import annotations

from typing import Any

from ecrlab.aws.operations import Call, page
from ecrlab.aws.wire.errors import ApiError


def paged(call: Call, items: list[Any], name: str, **more: Any) -> dict[str, Any]:
    """Return the page of ``items`` that Marker and MaxItems ask for, under ``name``."""

    def refuse() -> ApiError:
        return ApiError("ValidationError", "Invalid Marker.")

    shown, marker = page(items, call.params.get("Marker"), call.params.get("MaxItems") or 100, refuse)
    return {name: shown, "IsTruncated": marker is not None, "Marker": marker, **more}
