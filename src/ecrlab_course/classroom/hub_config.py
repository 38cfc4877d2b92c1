"""JupyterHub's configuration of one class: one password per learner, a spawner, the board as a service."""

from __future__ import annotations

import hmac
import os
import sys
from pathlib import Path
from typing import Any, ClassVar

from jupyterhub.auth import Authenticator

from ecrlab_course.classroom.class_file import Class, read
from ecrlab_course.classroom.gates import Patience
from ecrlab_course.classroom.hub_gate import SCOPE
from ecrlab_course.classroom.pseudonyms import api_token, password_of
from ecrlab_course.classroom.spawners import BOARD_PATH, BehindDoor, ContainerSpawner, NamespaceSpawner, socket_url

FILE = "ECRLAB_CLASS"
"""The variable that names class.toml."""
PROXY = "ECRLAB_PROXY"
"""The variable that names the proxy's program."""
FIRST_PAGE = "/lab/tree/00-start-here.ipynb"


class SlipAuthenticator(Authenticator):
    """Each person has a password of their own, on a slip. Never one for all: anyone could log in as anyone."""

    secret: ClassVar[bytes] = b""
    instructors: ClassVar[frozenset[str]] = frozenset()
    _patience: ClassVar[Patience] = Patience()

    async def authenticate(self, handler: Any, data: dict[str, str]) -> str | None:
        """Return the name of who gave the right password; None for others, and for who tried too often."""
        name, who = str(data.get("username", "")), str(handler.request.remote_ip)
        if self._patience.is_over(who):
            return None
        right = password_of(self.secret, name, 4 if name in self.instructors else 2)
        given = str(data.get("password", "")).strip().lower()
        if name in self.allowed_users and hmac.compare_digest(given.encode(errors="replace"), right.encode()):
            return name
        self._patience.note(who)
        return None


def configure(c: Any) -> None:
    """Configure a hub for the class of the file that ECRLAB_CLASS names."""
    found = read(Path(os.environ[FILE])).make()
    BehindDoor.the_class = found
    SlipAuthenticator.secret, SlipAuthenticator.instructors = found.secret, frozenset(found.instructors)
    _hub(c.JupyterHub, found)
    c.JupyterHub.authenticator_class = SlipAuthenticator
    c.Authenticator.allowed_users = {*found.learners, *found.instructors}
    c.ConfigurableHTTPProxy.command = [os.environ[PROXY]]
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{found.proxy_port}"
    c.ConfigurableHTTPProxy.pid_file = str(found.run / "proxy.pid")
    c.JupyterHub.spawner_class = NamespaceSpawner if found.spawner == "namespaces" else ContainerSpawner
    c.Spawner.hub_connect_url = socket_url(found.shared / "hub.sock")
    c.Spawner.default_url = FIRST_PAGE
    # A start takes 4 to 12 s, and more where all begin at once; the second one counts from the process's first moment.
    c.Spawner.start_timeout, c.Spawner.http_timeout = 90, 180
    c.JupyterHub.services = [_board(found), {"name": "class", "api_token": api_token(found.secret)}]
    c.JupyterHub.custom_scopes = {SCOPE: {"description": "Read the class's board"}}
    c.JupyterHub.load_roles = [
        {
            "name": "instructor",
            "users": list(found.instructors),
            "scopes": [SCOPE, "access:services!service=board", "admin-ui", "list:users", "admin:servers"],
        },
        {"name": "class", "services": ["class"], "scopes": ["list:users", "admin:servers", "shutdown"]},
        {"name": "user", "scopes": ["self"]},
    ]


def _hub(hub: Any, found: Class) -> None:
    scheme = "https" if found.certificate else "http"
    hub.bind_url = f"{scheme}://{found.listen}:{found.port}"
    hub.ssl_cert, hub.ssl_key = found.certificate, found.key
    hub.hub_bind_url = f"http://127.0.0.1:{found.hub_port}"
    hub.db_url = f"sqlite:///{found.run}/hub.sqlite"
    hub.cookie_secret_file = str(found.run / "cookie_secret")
    hub.concurrent_spawn_limit = found.at_a_time
    # If the hub dies, the labs keep running.
    hub.cleanup_servers = False


def _board(found: Class) -> dict[str, Any]:
    return {
        "name": "board",
        "url": f"http://127.0.0.1:{found.board_port}",
        "command": [sys.executable, "-P", "-m", "ecrlab_course", "board", "--hub", "--folder", str(found.board)],
        "cwd": str(found.run),
        "oauth_client_allowed_scopes": [SCOPE],
        "oauth_redirect_uri": f"{BOARD_PATH}oauth_callback",
        "oauth_no_confirm": True,
    }
