"""An organisation's members."""

from __future__ import annotations

from typing import Any

from ecrlab.hub.accounts import Accounts, Document
from ecrlab.hub.endpoints.call import Call
from ecrlab.hub.endpoints.paging import cut_page
from ecrlab.hub.errors import HubError


class Members:
    """Who belongs to the organisation of the path, and in which role."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def list_page(self, call: Call) -> tuple[int, Any]:
        """All members, with their groups."""
        organization = find_organization(self._accounts, call)
        members = [
            {
                "username": user,
                "type": "User",
                "role": role.capitalize(),
                "groups": [name for name, team in organization["teams"].items() if user in team["members"]],
            }
            for user, role in sorted(organization["members"].items())
        ]
        return 200, cut_page(call, members)

    async def change(self, call: Call) -> tuple[int, Any]:
        """A member's role."""
        organization, user = find_owned_organization(self._accounts, call), call.words["user"]
        if user not in organization["members"]:
            raise HubError(404, f"{user[:100]!r} is not a member of {organization['name']}.")
        self._accounts.set_member(organization["name"], user, call.body.get("role"))
        return 200, {"username": user, "type": "User", "role": str(call.body["role"]).capitalize()}

    async def remove(self, call: Call) -> tuple[int, Any]:
        """A member leaves."""
        self._accounts.remove_member(find_owned_organization(self._accounts, call)["name"], call.words["user"])
        return 204, None


def find_owned_organization(accounts: Accounts, call: Call) -> Document:
    """Return the organisation of the path. Raises HubError: no owner asks who logged in with the password."""
    user = call.password_user()
    organization = find_organization(accounts, call)
    if organization["members"].get(user) != "owner":
        raise HubError(403, f"Only owners of {organization['name']} may do this.")
    return organization


def find_organization(accounts: Accounts, call: Call) -> Document:
    """Return the organisation of the path. Raises HubError: no member of it asks."""
    organization = accounts.organization_named(call.words["organization"])
    if call.user().user not in organization["members"]:
        raise HubError(403, f"Only members of {organization['name']} may see this.")
    return organization
