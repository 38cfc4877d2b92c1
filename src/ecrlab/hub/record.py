"""What is known of a request to the hub while it is answered, for the X-ray."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web


@dataclass
class HubRecord:
    """Filled in by whoever answers. ``scopes`` has an entry for each scope asked for, with what was granted.

    ``address`` is where the request came from, as the pull limits count it; ``shows`` goes into the X-ray's row.
    """

    address: str = "127.0.0.1"
    operation: str | None = None
    user: str | None = None
    reason: str = ""
    error: str | None = None
    scopes: list[dict[str, Any]] = field(default_factory=list)
    shows: dict[str, Any] = field(default_factory=dict)

    def asked(self, name: str, wanted: tuple[str, ...], granted: tuple[str, ...], reason: str) -> None:
        """Note a scope: the repository, the actions wanted, those granted of them, and why."""
        self.scopes.append(
            {
                "principal": self.user,
                "action": ",".join(wanted),
                "resource": f"repository:{name}",
                "granted": list(granted),
                "decision": "allowed" if set(wanted) <= set(granted) else "denied",
                "reason": reason,
            }
        )


HUB_RECORD: Final = web.RequestKey("ecrlab.hub.record", HubRecord)
