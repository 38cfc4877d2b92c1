"""Pages of a list."""

from __future__ import annotations

import math
import re
import urllib.parse
from collections.abc import Callable
from typing import Any

from ecrlab.hub.backend import host
from ecrlab.hub.endpoints.call import Call, is_text
from ecrlab.hub.errors import HubError

#: Items on a page when nothing is said, and the most (reference, "List repositories in a namespace").
_PAGE, _MOST = 10, 100


def cut_page(call: Call, items: list[Any], shown: Callable[[Any], Any] = lambda item: item) -> dict[str, Any]:
    """Return one page of a list, with the addresses of its neighbours. Raises HubError when there is no such page."""
    query = call.request.query
    number, size = _number(query.get("page", "1"), "page"), _number(query.get("page_size", str(_PAGE)), "page_size")
    size = min(size, _MOST)
    pages = max(1, math.ceil(len(items) / size))
    if number > pages:
        raise HubError(404, "Page not found")

    def address(other: int) -> str:
        kept = {key: value for key, value in query.items() if key in ("name", "ordering") and is_text(value)}
        text = urllib.parse.urlencode({**kept, "page": other, "page_size": size})
        return f"http://{host(call.request)}{urllib.parse.quote(call.request.path)}?{text}"

    return {
        "count": len(items),
        "next": address(number + 1) if number < pages else None,
        "previous": address(number - 1) if number > 1 else None,
        "results": [shown(item) for item in items[(number - 1) * size : number * size]],
    }


def _number(text: str, what: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) < 1:
        raise HubError(400, f"{what} is a number from 1 on.")
    return int(text)
