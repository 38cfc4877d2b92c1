"""Two spawners of a hub, each of which gives a learner a network with a loopback and nothing else.

So everybody has the lab at port 4510, as the pages say, and nothing of one learner listens where another could connect.
The Jupyter server listens at a Unix socket in a folder that is the learner's alone; a door leads there from the host's
loopback, where the hub's proxy finds it. The hub and the board are reached by two sockets that all may use.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from dockerspawner import DockerSpawner
from jupyterhub.spawner import LocalProcessSpawner

from ecrlab_course.classroom.class_file import Class
from ecrlab_course.classroom.doors import port_of, tcp_door, unix_door
from ecrlab_course.classroom.pseudonyms import learner_id, token_of
from ecrlab_course.sharing.consent import TOKEN, URL

INSIDE = "http://localhost:8888"
"""Where jupyter_server believes itself to be: it takes --ServerApp.sock with its default port alone."""
BOARD_PATH = "/services/board/"


def socket_url(socket: Path, path: str = "") -> str:
    """Return the URL of a Unix socket, as JupyterHub and the reporter read it."""
    return f"http+unix://{quote(str(socket), safe='')}{path}"


class BehindDoor:
    """What both spawners share: the learner's folders, their environment, and the door to their socket."""

    the_class: ClassVar[Class]
    _hub_door: ClassVar[asyncio.Server | None] = None
    _door: asyncio.Server | None = None
    _door_port = 0
    user: Any

    @property
    def socket(self) -> Path:
        """The socket at which the learner's Jupyter server listens."""
        return self.the_class.sockets(self.user.name) / "jupyter.sock"

    def make_folders(self) -> int:
        """Make what the learner owns, for them alone; return their Unix number."""
        number = self.the_class.uid(self.user.name)
        for folder in (self.the_class.home(self.user.name), self.socket.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.chown(folder, number, number)
            folder.chmod(0o700)
        self.socket.unlink(missing_ok=True)
        return number

    def own_environment(self, env: dict[str, str]) -> dict[str, str]:
        """Return what is added to the environment that the hub gives."""
        learner = learner_id(self.the_class.secret, self.user.name)
        return {
            "JUPYTERHUB_SERVICE_URL": f"{INSIDE}{env['JUPYTERHUB_SERVICE_PREFIX']}",
            "ECRLAB_ENGINE": "none",
            URL: socket_url(self.the_class.shared / "board.sock", BOARD_PATH),
            TOKEN: token_of(self.the_class.secret, learner),
        }

    async def open_door(self) -> str:
        """Open the door to the learner's socket, at its port of before where the hub was restarted; return its URL."""
        await self.open_hub_door()
        try:
            self._door = await tcp_door(self.socket, self._door_port)
        except OSError:  # another program took the port while the hub was down
            self._door = await tcp_door(self.socket)
        self._door_port = port_of(self._door)
        return f"http://127.0.0.1:{self._door_port}"

    @classmethod
    async def open_hub_door(cls) -> None:
        """Open the door to the hub and to the board, once in a hub."""
        if BehindDoor._hub_door is None:
            BehindDoor._hub_door = await unix_door(cls.the_class.shared / "hub.sock", cls.the_class.hub_port)
            await unix_door(cls.the_class.shared / "board.sock", cls.the_class.board_port)

    def close_door(self) -> None:
        """Close the door, for a server that has ended."""
        if self._door is not None:
            self._door.close()
            self._door = None


class NamespaceSpawner(BehindDoor, LocalProcessSpawner):
    """A Unix user and namespaces of their own, on a Linux host without containers: network, processes, /tmp.

    Needs root and util-linux. The host's list of users is left as it is. Memory is not limited.
    """

    def make_preexec_fn(self, _name: str) -> Any:
        """Return None: the user is changed inside the namespaces, by enter.py."""
        return None

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """Return the learner's environment: nothing of root's."""
        home = self.the_class.home(self.user.name)
        kept = {
            name: value for name, value in env.items() if name.startswith(("JUPYTER", "ECRLAB", "LANG", "LC_", "PATH"))
        }
        return kept | {
            "USER": self.user.name, "LOGNAME": self.user.name, "HOME": str(home), "SHELL": "/bin/bash",
            "ECRLAB_HOME": str(home / ".ecrlab"), "JUPYTERHUB_ROOT_DIR": str(home / "work"),
        }  # fmt: skip

    def get_env(self) -> dict[str, str]:
        """Return the whole environment of the learner's server."""
        env: dict[str, str] = super().get_env()
        return env | self.own_environment(env)

    async def start(self) -> str:
        """Start the learner's server, and return the URL of its door."""
        number, name = self.make_folders(), self.user.name
        home = self.the_class.home(name)
        inner = [sys.executable, "-P", "-m", "ecrlab_course", "singleuser"]
        self.cmd = [
            "unshare", "--net", "--pid", "--ipc", "--uts", "--mount", "--mount-proc", "--fork", "--kill-child", "--",
            "/usr/bin/env", "-u", "LD_PRELOAD", sys.executable, "-I", str(Path(__file__).with_name("enter.py")),
            name, str(number), str(home), *inner,
        ]  # fmt: skip
        self.args = [f"--ServerApp.sock={self.socket}"]
        log = (self.the_class.run / f"{name}.log").open("ab")
        self.popen_kwargs = {"stdout": log, "stderr": subprocess.STDOUT, "start_new_session": True, "cwd": "/"}
        try:
            await super().start()
        finally:
            log.close()
        return await self.open_door()

    def get_state(self) -> dict[str, Any]:
        """Return what a restarted hub must know."""
        return {**super().get_state(), "door": self._door_port}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what a hub knew before."""
        super().load_state(state)
        self._door_port = int(state.get("door", 0))

    async def poll(self) -> int | None:
        """Return None while the server runs; open its door again after a restart of the hub."""
        status: int | None = await super().poll()
        if status is None and self._door is None and self._door_port:
            await self.open_door()
        return status

    async def stop(self, now: bool = False) -> None:
        """End the server in order, then its namespaces, and with them the lab, which is detached by design."""
        first = _first_process(self.pid)
        if first and not now:
            os.kill(first, signal.SIGTERM)  # `unshare` itself ignores it while it waits
            await self.wait_for_death(10)
        if self.pid:
            await super().stop(now=True)
        self.close_door()


def _first_process(pid: int) -> int:
    """Return the process that `unshare` forked: the first one of the namespaces; 0 when it has ended."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii") if pid else ""
    except OSError:
        return 0
    return int(text.split()[0]) if text.split() else 0


class ContainerSpawner(BehindDoor, DockerSpawner):
    """A container without a network and without capabilities, with limits; its user has a number of no account."""

    def get_env(self) -> dict[str, str]:
        """Return the whole environment of the learner's container."""
        env: dict[str, str] = super().get_env()
        return env | self.own_environment(env) | {"HOME": "/home/learner"}

    async def get_ip_and_port(self) -> tuple[str, int]:
        """Return where the server believes itself to be: a container without a network has no address."""
        return "localhost", 8888

    async def start(self) -> str:
        """Start the learner's container, and return the URL of its door."""
        number = self.make_folders()
        shared, own = self.the_class.shared, self.socket.parent
        self.image = self.the_class.image
        self.network_name = "none"
        self.remove = True
        self.volumes = {str(own): str(own), str(self.the_class.home(self.user.name)): "/home/learner"}
        self.read_only_volumes = {str(shared): str(shared)}
        self.extra_create_kwargs = {"user": f"{number}:{number}"}
        self.extra_host_config = {
            "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"], "pids_limit": 400, "init": True,
            "tmpfs": {"/tmp": "size=256m"},
        }  # fmt: skip
        self.mem_limit, self.cpu_limit = self.the_class.memory, self.the_class.processors
        self.cmd = ["/srv/ecrlab/.venv/bin/ecrlab_course", "singleuser"]
        self.args = [f"--ServerApp.sock={self.socket}"]
        await super().start()
        return await self.open_door()

    def get_state(self) -> dict[str, Any]:
        """Return what a restarted hub must know."""
        return {**super().get_state(), "door": self._door_port}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what a hub knew before."""
        super().load_state(state)
        self._door_port = int(state.get("door", 0))

    async def poll(self) -> Any:
        """Return None while the container runs; open its door again after a restart of the hub."""
        status = await super().poll()
        if status is None and self._door is None and self._door_port:
            await self.open_door()
        return status

    async def stop(self, now: bool = False) -> None:
        """End the container, and with it all that ran in it."""
        await super().stop(now)
        self.close_door()
