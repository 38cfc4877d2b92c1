"""Pull limits: how many manifests an address or an account may fetch in a window of lab time."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

from ecrlab.clock import Clock
from ecrlab.hub.errors import HubError
from ecrlab.store import Store

#: Pulls in a window without a login, and with one on the plan "personal"; the window in seconds (H015).
ANONYMOUS, ACCOUNT, WINDOW = 100, 200, 21600
#: A limit of more pulls, or a window of more seconds, is refused.
MOST, LONGEST = 10_000, 366 * 86400


@dataclass(frozen=True)
class Limits:
    """Pulls in a window of ``window`` seconds; None means no limit."""

    anonymous: int | None = ANONYMOUS
    account: int | None = ACCOUNT
    window: int = WINDOW


@dataclass(frozen=True)
class Puller:
    """On whom pulls count: the key of the count, what the header shows, and the limit, None for none."""

    key: str
    shown: str
    limit: int | None


class Pulls:
    """Counts pulls. The window rolls: each pull stops counting when it is ``window`` seconds old."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._clock = clock
        self.counts = store.table("hub.pulls")
        self.settings = store.table("hub.limits")

    def limits(self) -> Limits:
        """Return the limits in force."""
        kept = self.settings.get("limits")
        return Limits(**kept) if kept else Limits()

    def set_limits(self, changes: dict[str, Any]) -> Limits:
        """Change ``anonymous``, ``account`` (None: no limit) or ``window`` (seconds). Raises HubError."""
        kept = vars(self.limits()).copy()
        for name, value in changes.items():
            number = isinstance(value, int) and not isinstance(value, bool)
            if name == "window":
                if not number or not 1 <= value <= LONGEST:
                    raise HubError(400, f"The window is a number of seconds from 1 to {LONGEST}, not {value!r:.50}.")
            elif name not in kept:
                raise HubError(400, f"There is no limit {name!r:.50}. The limits are: anonymous, account, window.")
            elif value is not None and (not number or not 0 <= value <= MOST):
                raise HubError(400, f"A limit is a number from 0 to {MOST} or null for none, not {value!r:.50}.")
            kept[name] = value
        self.settings.put("limits", kept)
        return Limits(**kept)

    def puller(self, user: dict[str, Any] | None, address: str) -> Puller:
        """Return on whom a pull by this account, or by nobody from this address, counts.

        Paid plans have no limit; an IPv6 address counts as its /64.
        """
        limits = self.limits()
        if user is not None:
            limited = user["plan"] == "personal"
            return Puller(f"account/{user['id']}", address, limits.account if limited else None)
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return Puller(f"address/{address}", address, limits.anonymous)
        if found.version == 6:
            shown = str(ipaddress.ip_network((found, 64), strict=False).network_address)
            return Puller(f"address/{shown}/64", shown, limits.anonymous)
        return Puller(f"address/{address}", address, limits.anonymous)

    def remaining(self, puller: Puller) -> int | None:
        """Return how many pulls are left in the window, None when there is no limit."""
        return None if puller.limit is None else max(0, puller.limit - len(self._times(puller.key)))

    def count(self, puller: Puller) -> None:
        """Count one pull. What has no limit is not counted."""
        if puller.limit is not None:
            self.counts.put(puller.key, {"times": [*self._times(puller.key), self._clock.time()]})

    def use(self, puller: Puller, number: int) -> None:
        """Count so many pulls at once, as if they had been made now."""
        self.counts.put(puller.key, {"times": [*self._times(puller.key), *[self._clock.time()] * number]})

    def reset(self) -> int:
        """Begin all windows again; return how many pullers had counted pulls."""
        keys = [key for key, _ in self.counts.items()]
        for key in keys:
            self.counts.delete(key)
        return len(keys)

    def _times(self, key: str) -> list[float]:
        """The pulls that count now. One that lies ahead was made before the lab's clock went back: it is over."""
        now = self._clock.time()
        kept = self.counts.get(key) or {"times": []}
        begin = now - self.limits().window
        return [time for time in kept["times"] if begin < time <= now][-MOST:]
