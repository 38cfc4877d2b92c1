"""The Docker-Hub-like registry as a lesson uses it: `lab.hub`."""

from __future__ import annotations

import base64
import hmac
import http.client
import json
from collections.abc import Callable, Mapping
from shlex import quote
from typing import Any, Literal

from ecrlab.client import LabClient
from ecrlab.home import Home

#: The user that is there from the beginning, and the organisation that it owns.
LEARNER, ORGANIZATION = "learner", "harbourbikes"

#: Runs a command as a profile: `Lab.sh`.
Shell = Callable[..., tuple[int, str]]


class HubError(Exception):
    """The hub or docker refused; the text is its own."""


class Hub:
    """The registry that stands in for Docker Hub on this machine.

    `quiet_agent` is added to the name of the program that asks, so that a check leaves no trace in the X-ray.
    """

    def __init__(self, home: Home, control: LabClient, sh: Shell, quiet_agent: str = "") -> None:
        self._home = home
        self._control = control
        self._sh = sh
        self._agent = f"ecrlab-hub {quiet_agent}".strip()

    def looking(self, agent: str) -> Hub:
        """Return this hub as a check sees it, with `agent` in the name of the program that asks."""
        return Hub(self._home, self._control, self._sh, agent)

    @property
    def address(self) -> str:
        """The value of $HUB, such as "localhost:4511"."""
        return f"localhost:{self._home.hub_port}"

    def password(self, user: str = LEARNER) -> str:
        """Return a user's password: the learner's, or that of a user made by `user`. Raises KeyError."""
        if user == LEARNER:
            return self._secret()
        if user not in self.users:
            raise KeyError(user)
        return self._password_for(user)

    def _secret(self) -> str:
        return self._home.hub_password.read_text(encoding="utf-8").strip()

    def _password_for(self, user: str) -> str:
        """The password of a user made here. It follows from the learner's, so that it outlives this kernel."""
        mark = hmac.digest(self._secret().encode(), f"hub user {user}".encode(), "sha256")
        return base64.urlsafe_b64encode(mark[:15]).decode()

    def login(self, user: str = LEARNER, secret: str | None = None, profile: str = "admin") -> str:
        """Log docker in as a user of the hub, with `secret` (default: the password); return what docker prints.

        The login lies in the docker configuration of `profile`. Raises HubError with docker's words.
        """
        given = self.password(user) if secret is None else secret
        command = f"docker login --username {quote(user)} --password-stdin {self.address} <<<{quote(given)}"
        status, output = self._sh(command, profile)
        if status != 0:
            raise HubError(output.strip())
        return output.strip()

    def logout(self, profile: str = "admin") -> None:
        """Forget docker's login at the hub."""
        self._sh(f"docker logout {self.address}", profile)

    def limits(self, anonymous: int | None = -1, account: int | None = -1, window: int = -1) -> dict[str, Any]:
        """Set what is given of the pull limits (None: no limit; `window` in seconds of lab time); return all three."""
        given = {"anonymous": anonymous, "account": account, "window": window}
        return self._control.hub_limits(**{name: value for name, value in given.items() if value != -1})

    def off(self) -> str:
        """Let the hub not be reached any more, by nobody."""
        self._control.hub_switch(on=False)
        return "The hub is off. ECR and IAM go on."

    def on(self) -> str:
        """Let the hub be reached again."""
        self._control.hub_switch(on=True)
        return "The hub is on."

    @property
    def next_door(self) -> str:
        """The hub's address for the office next door: who comes there is counted for another address than ours."""
        return self._control.hub_next_door()

    def private(self, repository: str, private: bool = True) -> str:
        """Make a repository NAMESPACE/NAME private, or with False public; return its name.

        As the lab, not as a user: no pass is asked, and nobody's request is in the X-ray. Raises LabError.
        """
        return str(self._control.hub_visibility(repository, private)["repository"])

    def team(
        self,
        name: str,
        *members: str,
        organization: str = ORGANIZATION,
        **repositories: Literal["read", "write", "admin"],
    ) -> str:
        """Make or replace a team: `lab.hub.team("ops", "omar", booking="read")`; return its name with the organisation.

        Members who have no account get one, and become members of the organisation. Raises HubError, LabError.
        """
        found = {each["name"]: each for each in self._control.hub()["organizations"]}.get(organization, {"members": {}})
        for member in members:
            self.user(member)
            if member not in found["members"]:
                self._control.hub_member(organization, member, "member")
        self._control.hub_team(organization, name, list(members), repositories)
        return f"{organization}/{name}"

    @property
    def users(self) -> list[str]:
        """The names of the users."""
        return [str(user["name"]) for user in self._control.hub()["users"]]

    @property
    def repositories(self) -> dict[str, bool]:
        """The repositories, and whether each is private."""
        return {str(found["name"]): bool(found["private"]) for found in self._control.hub()["repositories"]}

    def user(self, name: str, **more: Any) -> str:
        """Make a user, or take the one made here before; return the password. `more`: plan, default_private.

        Raises HubError when the user was made elsewhere, with a password that is not known here.
        """
        if name == LEARNER:
            return self._secret()
        password = self._password_for(name)
        if name not in self.users:
            self._control.hub_user(name, password=password, **more)
            return password
        try:
            self.api("POST", "/v2/users/login", {"username": name, "password": password})
        except HubError:
            raise HubError(
                f"There is a user {name} already, made outside this course, with a password of their own. Take another "
                "name, or put the hub back to its start: lab.hub.reset()"
            ) from None
        return password

    def api(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, user: str | None = None
    ) -> dict[str, Any]:
        """Ask the hub's HTTP API, as a user after logging in, or as nobody; return its JSON. Raises HubError."""
        headers = {"User-Agent": self._agent, "Content-Type": "application/json"}
        if user is not None:
            login = self.api("POST", "/v2/users/login", {"username": user, "password": self.password(user)})
            headers["Authorization"] = f"Bearer {login['token']}"
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read() or b"{}")
        finally:
            connection.close()
        if response.status >= 400:
            raise HubError(f"{response.status}: {answer.get('detail', answer)}")
        return answer

    def mirror(self, repository: str, serves: str, claims: str | None = None, respaced: bool = False) -> str:
        """Let a mirror of one of the repositories stand next to the hub; return the value of $MIRROR, "localhost:4514".

        Whatever version it is asked for, it hands out the tag `serves`. Its header names the digest of that, or of the
        tag that it `claims` to hand out; `respaced`: the manifest comes with other spacing.
        """
        return str(self._control.hub_mirror(repository, serves, claims, respaced)["address"])

    def reset(self) -> None:
        """Put the hub back to its start: users, repositories, limits, windows."""
        self._control.reset(hub=True)
