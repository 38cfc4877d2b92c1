"""An organisation's groups, which are its teams."""

from __future__ import annotations

from typing import Any

from ecrlab.hub.accounts import Accounts, Document
from ecrlab.hub.endpoints.call import Call
from ecrlab.hub.endpoints.members import find_organization, find_owned_organization
from ecrlab.hub.endpoints.paging import cut_page
from ecrlab.hub.errors import HubError


class Groups:
    """Groups and who is in them."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def list_page(self, call: Call) -> tuple[int, Any]:
        """All groups."""
        teams = find_organization(self._accounts, call)["teams"]
        return 200, cut_page(call, [_group(name, team) for name, team in sorted(teams.items())])

    async def make(self, call: Call) -> tuple[int, Any]:
        """A new group."""
        organization, name = find_owned_organization(self._accounts, call), call.text("name", 30)
        if name in organization["teams"]:
            raise HubError(409, f"{organization['name']} has a group {name}.")
        description = call.text("description", 200, "")
        return 201, _group(name, self._accounts.set_team(organization["name"], name, description=description))

    async def get(self, call: Call) -> tuple[int, Any]:
        """One group."""
        return 200, _group(*self._team(call, find_organization(self._accounts, call)))

    async def delete(self, call: Call) -> tuple[int, Any]:
        """Take it away."""
        organization = find_owned_organization(self._accounts, call)
        name, _ = self._team(call, organization)
        del organization["teams"][name]
        self._accounts.organizations.put(organization["name"], organization)
        return 204, None

    async def list_members(self, call: Call) -> tuple[int, Any]:
        """Who is in it."""
        _, team = self._team(call, find_organization(self._accounts, call))
        return 200, cut_page(call, [{"username": user, "type": "User"} for user in team["members"]])

    async def add_member(self, call: Call) -> tuple[int, Any]:
        """One more is in it."""
        organization = find_owned_organization(self._accounts, call)
        name, team = self._team(call, organization)
        members = [*team["members"], call.text("member", 30)]
        self._accounts.set_team(organization["name"], name, members, team["repositories"], team["description"])
        return 200, {}

    async def remove_member(self, call: Call) -> tuple[int, Any]:
        """One is not in it any more."""
        organization = find_owned_organization(self._accounts, call)
        name, team = self._team(call, organization)
        if call.words["user"] not in team["members"]:
            raise HubError(404, f"{call.words['user'][:100]!r} is not in the group {name}.")
        members = [user for user in team["members"] if user != call.words["user"]]
        self._accounts.set_team(organization["name"], name, members, team["repositories"], team["description"])
        return 204, None

    def _team(self, call: Call, organization: Document) -> tuple[str, Document]:
        name = call.words["group"]
        team = organization["teams"].get(name)
        if team is None:
            raise HubError(404, f"{organization['name']} has no group {name[:100]!r}.")
        return name, team


def _group(name: str, team: Document) -> dict[str, Any]:
    count = len(team["members"])
    return {"id": team["id"], "name": name, "description": team["description"], "member_count": count}
