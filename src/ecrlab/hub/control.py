"""What the lab's control interface may change of the hub: users, organisations, teams, limits, visibility."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

from ecrlab.hub import names
from ecrlab.hub.errors import HubError
from ecrlab.hub.hub import Hub
from ecrlab.hub.pulls import MOST

Answer = dict[str, Any]


class HubControl:
    """Carries out requests below ``/_ecrlab/hub``. Bodies and answers are JSON objects; refusals are HubError.

    ``address`` gives the hub's ``localhost:PORT``, or None when it cannot be reached; ``mirror`` that of the mirror;
    ``next_door`` opens the port at which requests count as another address's, and returns it.
    """

    def __init__(
        self,
        hub: Hub,
        address: Callable[[], str | None],
        mirror: Callable[[], str | None],
        next_door: Callable[[], int],
    ) -> None:
        self._hub = hub
        self._address = address
        self._mirror = mirror
        self._next_door = next_door

    def where(self) -> Answer:
        """Return the address and the port, both None when the hub cannot be reached."""
        address = self._address()
        return {"address": address, "port": int(address.rpartition(":")[2]) if address else None}

    def reset(self) -> list[str]:
        """Put the hub back to its start; return what was removed, in words."""
        return self._hub.reset()

    async def status(self, body: Answer) -> Answer:
        """Return the address and what is at the hub."""
        return {**self.where(), **self._hub.status()}

    async def users(self, body: Answer) -> Answer:
        """Make a user: ``name``, and ``password`` (default: a random one), ``plan``, ``default_private``."""
        password = body.get("password")
        password = secrets.token_urlsafe(15) if password is None else password
        user = await asyncio.to_thread(
            self._hub.accounts.add_user,
            body.get("name"),
            password,
            body.get("plan", "personal"),
            body.get("default_private", False),
        )
        return {"name": user["name"], "password": password}

    async def organizations(self, body: Answer) -> Answer:
        """Make an organisation: ``name``, ``members`` as {user: role}, and ``default_private``."""
        made = self._hub.accounts.add_organization(
            body.get("name"), body.get("members"), body.get("default_private", False)
        )
        return {"name": made["name"], "members": made["members"]}

    async def members(self, body: Answer) -> Answer:
        """Give a user a ``role`` in an organisation, or with null take the user out."""
        organization, user = str(body.get("organization")), body.get("user")
        if body.get("role") is None:
            self._hub.accounts.remove_member(organization, str(user))
        else:
            self._hub.accounts.set_member(organization, user, body["role"])
        return {"members": self._hub.accounts.organization_named(organization)["members"]}

    async def teams(self, body: Answer) -> Answer:
        """Make or replace a team: ``organization``, ``name``, ``members``, ``repositories`` as {name: permission}."""
        organization = self._hub.accounts.organization_named(body.get("organization"))
        team = self._hub.accounts.set_team(
            organization["name"],
            body.get("name"),
            body.get("members", []),
            body.get("repositories", {}),
            body.get("description", ""),
        )
        return {"name": body["name"], **team}

    async def remove(self, body: Answer) -> Answer:
        """Delete a ``repository`` with its images, when it is there, as Docker Hub's web pages do."""
        name = names.full(str(body.get("repository", "")))
        return {"removed": self._hub.remove(name)}

    async def limits(self, body: Answer) -> Answer:
        """Change ``anonymous``, ``account`` (null: no limit) or ``window`` (seconds of lab time); return all three."""
        return vars(self._hub.pulls.set_limits(body))

    async def mirror(self, body: Answer) -> Answer:
        """Let a mirror stand next to the hub (`hub.mirror`); return its address."""
        self._hub.mirror.set(body.get("repository"), body.get("serves"), body.get("claims"), body.get("respaced"))
        return {"address": self._mirror()}

    async def switch(self, body: Answer) -> Answer:
        """Switch the hub ``on`` (true) or off (false): off, it answers nothing."""
        on = body.get("on")
        if not isinstance(on, bool):
            raise HubError(400, f'Expected {{"on": true or false}}, not {on!r:.50}.')
        self._hub.switch(on)
        return {"on": self._hub.on}

    async def window(self, body: Answer) -> Answer:
        """Begin every pull window again; then count ``used`` pulls of ``user``, null: of nobody at this machine."""
        used, name = body.get("used", 0), body.get("user")
        if not isinstance(used, int) or isinstance(used, bool) or not 0 <= used <= MOST:
            raise HubError(400, f"used is a number from 0 to {MOST}, not {used!r:.50}.")
        user = None if name is None else self._hub.accounts.users.get(self._hub.accounts.user_named(name))
        reset = self._hub.pulls.reset()
        if used:
            self._hub.pulls.use(self._hub.pulls.puller(user, "127.0.0.1"), used)
        return {"reset": reset}

    async def next_door(self, body: Answer) -> Answer:
        """Return the address at which the hub takes whoever comes for the office next door; it is open from now on."""
        return {"address": f"localhost:{self._next_door()}"}

    async def visibility(self, body: Answer) -> Answer:
        """Make a ``repository`` private or not, or set what pushes make in a ``namespace``; ``private`` says which."""
        if "namespace" in body:
            self._hub.accounts.set_default_private(body["namespace"], body.get("private"))
            return {"namespace": body["namespace"], "default_private": body["private"]}
        name = names.full(str(body.get("repository", "")))
        if not names.is_full(name):
            raise HubError(400, 'Expected "repository" or "namespace", and "private".')
        self._hub.repositories.set_private(name, body.get("private"))
        return {"repository": name, "private": body["private"]}
