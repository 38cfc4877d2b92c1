"""When each access key and each role was last used: GetAccessKeyLastUsed and RoleLastUsed."""

from __future__ import annotations

from typing import NamedTuple

from ecrlab.aws.identity.identities import Principal
from ecrlab.store import Store

TABLE = "iam.last_used"
# A use is written down at most so many seconds (lab time) later; AWS's own report may be hours behind.
SAVE_SECONDS = 10.0


class Use(NamedTuple):
    """One use: epoch seconds, the service's name as in ARNs, Region."""

    time: float
    service: str
    region: str


class LastUsed:
    """The last use by access key id and by role id.

    Noting one costs no write: the cloud's rounds save them together. What was noted within `SAVE_SECONDS` before a
    kill -9 is lost.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._table = store.table(TABLE)
        self._unsaved: dict[str, Use] = {}
        self._saved_at = 0.0

    def note(self, principal: Principal, now: float, service: str, region: str) -> None:
        """Note that a principal made a request at ``now`` (lab time): its key was used, and its role if it has one."""
        use = Use(now, service, region)
        self._unsaved[principal.access_key] = use
        if principal.kind == "session":
            self._unsaved[principal.unique_id] = use

    def get(self, id: str) -> Use | None:
        """Return the last use of an access key or a role, None when there was none."""
        found = self._unsaved.get(id)
        if found is None:
            document = self._table.get(id)
            found = Use(document["time"], document["service"], document["region"]) if document else None
        return found

    def save(self) -> None:
        """Write down what was noted since the last time."""
        noted = dict(self._unsaved)
        if not noted:
            return
        with self._store.transaction():
            for id, use in noted.items():
                self._table.put(id, use._asdict())
        for id, use in noted.items():
            # Not one that was noted again while this was written.
            if self._unsaved.get(id) is use:
                del self._unsaved[id]

    def save_at(self, now: float) -> None:
        """Save when the last time is `SAVE_SECONDS` of lab time ago, or the clock was put back."""
        if not 0 <= now - self._saved_at < SAVE_SECONDS:
            self.save()
            self._saved_at = now

    def forget(self) -> None:
        """Forget every use."""
        self._unsaved.clear()
        for id, _ in self._table.items():
            self._table.delete(id)
