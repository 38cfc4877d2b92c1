"""A class on this host: start its hub, say how it stands, stop all of it. The slips with which learners come in."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecrlab.ports import port_is_taken
from ecrlab.processes import Process, last_lines, spawn
from ecrlab_course.checkout import course_root
from ecrlab_course.classroom.class_file import Class, ClassError, read
from ecrlab_course.classroom.pseudonyms import api_token, password_of
from ecrlab_course.classroom.run_board import FILE as BOARD_FILE
from ecrlab_course.classroom.run_board import PROCESS as BOARD_PROCESS
from ecrlab_course.messages import say

READY_SECONDS, STOP_SECONDS = 90.0, 120.0
HUB_PROCESS = "hub.process"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Seat:
    """One person of the class, and their server: "" for none, "starting", "running", "stopping"."""

    name: str
    is_instructor: bool
    server: str
    since: str = ""


def address(found: Class) -> str:
    """Return what learners type into their browser."""
    scheme = "https" if found.certificate else "http"
    host = found.listen if found.listen not in ("0.0.0.0", "::", "") else _own_address()
    return f"{scheme}://{host}:{found.port}"


def _own_address() -> str:
    """Return this host's address in its network: the one from which packets to others would go. Sends nothing."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.connect(("192.0.2.1", 9))  # a documentation network, RFC 5737
        return str(asked.getsockname()[0])
    return "localhost"


def slips(found: Class) -> str:
    """Return a slip per person, to print and to cut: the address, a name and a password that is theirs alone."""
    where = address(found)
    parts = [
        say("class.slip", address=where, name=name, password=password_of(found.secret, name, words))
        for names, words in ((found.instructors, 4), (found.learners, 2))
        for name in names
    ]
    return f"\n{say('class.cut')}\n".join(parts) + "\n"


# Before it starts -----------------------------------------------------------------------------------------------------


def _proxy() -> str:
    """Return the proxy's program: of the checkout's classroom/, or of the host. Raises ClassError."""
    ours = course_root() / "classroom" / "node_modules" / ".bin" / "configurable-http-proxy"
    found = str(ours) if ours.exists() else shutil.which("configurable-http-proxy")
    if found is None or shutil.which("node") is None:
        raise ClassError(say("class.no_proxy"))
    return found


def _private_folder(path: Path) -> Path | None:
    """Return the first folder on the way to a file that other users cannot pass through; None when they can."""
    for folder in reversed(Path(os.path.realpath(path)).parents):
        if not folder.stat().st_mode & 0o001:
            return folder
    return None


def _check(found: Class) -> None:
    """Raise ClassError for what this host lacks."""
    try:
        import jupyterhub  # noqa: F401
    except ImportError:
        raise ClassError(say("class.no_hub_package")) from None
    if found.spawner == "namespaces":
        if sys.platform != "linux" or os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "setpriv", "mount"))):
            raise ClassError(say("class.not_root"))
        for path in (Path(sys.executable), Path(os.__file__), course_root() / "content"):
            private = _private_folder(path)
            if private is not None:
                raise ClassError(say("class.private", path=path, folder=private))
    else:
        _check_image(found)


def _check_image(found: Class) -> None:
    from docker.client import from_env
    from docker.errors import DockerException, ImageNotFound

    try:
        client = from_env()  # type: ignore[no-untyped-call]
        client.images.get(found.image)
    except ImageNotFound:
        raise ClassError(say("class.no_image", image=found.image)) from None
    except (DockerException, OSError) as error:
        raise ClassError(say("class.no_docker", reason=error)) from None


def _free_ports(found: Class) -> None:
    for port in (found.port, found.hub_port, found.proxy_port, found.board_port):
        if port_is_taken(port):
            raise ClassError(say("class.port", port=port, first=found.port, last=found.board_port))


# Its hub --------------------------------------------------------------------------------------------------------------


def ask(found: Class, path: str, method: str = "GET", body: Any = None) -> Any:
    """Ask the hub's API as the class itself; return its answer, None for an empty one. Raises OSError."""
    url = f"http://127.0.0.1:{found.hub_port}/hub/api/{path}"
    headers = {"Authorization": f"token {api_token(found.secret)}", "Accept": "application/jupyterhub-pagination+json"}
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, headers, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def _hub(found: Class) -> Process | None:
    return Process.remembered(found.run / HUB_PROCESS)


def _start_hub(found: Class, path: Path) -> None:
    """Start the hub and wait until it and its board answer. Raises ClassError with the end of its log."""
    from ecrlab_course.classroom.hub_config import FILE, PROXY

    board = Process.remembered(found.board / BOARD_PROCESS)
    if board is not None:  # of a hub that was killed: the next one begins its own
        board.end(10)
    config = course_root() / "classroom" / "jupyterhub_config.py"
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("ECRLAB_", "JUPYTER", "PYTHON"))}
    variables = {**ours, FILE: str(path.resolve()), PROXY: _proxy(), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-P", "-m", "jupyterhub", "--config", str(config)]
    log = found.run / "hub.log"
    hub = spawn(command, log, variables, found.run, found.run / HUB_PROCESS)
    until = time.monotonic() + READY_SECONDS
    while not _answers(found):
        if not hub.alive() or time.monotonic() > until:
            end = "\n".join(f"  {line}" for line in last_lines(log))
            hub.end(20)
            raise ClassError(say("class.no_start", log=log, end=end))
        time.sleep(0.2)


def _answers(found: Class) -> bool:
    with contextlib.suppress(OSError, ValueError):
        ask(found, "users?limit=1")
        return port_is_taken(found.port) and port_is_taken(found.board_port)
    return False


def start(path: Path, tell: Tell) -> Class:
    """Start the class, or say that it runs; return it. Raises ClassError."""
    found = read(path)
    _check(found)
    found.make()
    if _hub(found) is not None and _answers(found):
        tell(say("class.runs", address=address(found)))
        return found
    if _left_proxy(found) is None:
        _free_ports(found)
    _start_hub(found, path)
    tell(say("class.started", address=address(found), board=f"{address(found)}/services/board/"))
    return found


def seats(found: Class) -> list[Seat]:
    """Return everybody of the class with the state of their server. Raises ClassError where no hub answers."""
    try:
        known = {each["name"]: each for each in _users(found)}
    except OSError:
        raise ClassError(say("class.not_running")) from None
    return [
        _seat(name, name in found.instructors, known.get(name, {})) for name in (*found.instructors, *found.learners)
    ]


def _users(found: Class) -> Iterator[dict[str, Any]]:
    offset = 0
    while True:
        page = ask(found, f"users?offset={offset}&limit=100")
        yield from page["items"]
        if not page["_pagination"]["next"]:
            return
        offset = page["_pagination"]["next"]["offset"]


def _seat(name: str, is_instructor: bool, user: dict[str, Any]) -> Seat:
    server = (user.get("servers") or {}).get("") or {}
    pending = {"spawn": "starting", "stop": "stopping"}.get(server.get("pending") or "", "")
    state = pending or ("running" if server.get("ready") else "")
    return Seat(name, is_instructor, state, str(server.get("started") or ""))


def status(path: Path, tell: Tell) -> None:
    """Say who has a server, and who has not. Raises ClassError."""
    found = read(path)
    everybody = seats(found)
    running = [each for each in everybody if each.server == "running"]
    tell(say("class.runs", address=address(found)))
    for each in running:
        tell(say("class.seat", name=each.name, since=each.since[11:16]))
    for state in ("starting", "stopping"):
        names = [each.name for each in everybody if each.server == state]
        if names:
            tell(say(f"class.{state}", names=", ".join(names)))
    absent = [each.name for each in everybody if not each.server and not each.is_instructor]
    tell(say("class.counts", running=len(running), all=len(everybody)))
    if absent:
        tell(say("class.absent", names=", ".join(absent)))


# Its end --------------------------------------------------------------------------------------------------------------


def _left_proxy(found: Class) -> int | None:
    """Return the number of a proxy that a killed hub left behind; the next hub takes it over by its file."""
    with contextlib.suppress(OSError, ValueError):
        pid = int((found.run / "proxy.pid").read_text())
        if "configurable-http-proxy" in Path(f"/proc/{pid}/cmdline").read_text():
            return pid
    return None


def stop(path: Path, tell: Tell, forget: bool = False) -> None:
    """Stop every learner's server, then the hub with its proxy and board. What learners made stays in their homes.

    After a hub that was killed it is started once more: it knows what it left running. `forget` deletes what the board
    holds. Raises ClassError.
    """
    found = read(path)
    if not found.run.is_dir():
        tell(say("class.nothing"))
        return
    if _hub(found) is None and _left_behind(found):
        _start_hub(found, path)
    hub = _hub(found)
    if hub is not None:
        _stop_servers(found, tell)
        hub.end(30)
        (found.run / HUB_PROCESS).unlink(missing_ok=True)
        tell(say("class.stopped"))
    else:
        tell(say("class.nothing"))
    for left in (Process.remembered(found.board / BOARD_PROCESS), Process.of(_left_proxy(found) or -1)):
        if left is not None:
            left.end(10)
    if forget:
        (found.board / BOARD_FILE).unlink(missing_ok=True)
        tell(say("class.forgot"))


def _left_behind(found: Class) -> bool:
    """Tell whether a hub that is gone had servers that may still run."""
    return (found.run / "hub.sqlite").exists() and (
        _left_proxy(found) is not None or Process.remembered(found.board / BOARD_PROCESS) is not None
    )


def _stop_servers(found: Class, tell: Tell) -> None:
    until = time.monotonic() + STOP_SECONDS
    asked: set[str] = set()
    while time.monotonic() < until:
        left = [each for each in seats(found) if each.server]
        if not left:
            return
        for each in left:
            if each.name not in asked and each.server == "running":
                asked.add(each.name)
                with contextlib.suppress(urllib.error.HTTPError):
                    ask(found, f"users/{each.name}/server", "DELETE")
        time.sleep(0.5)
    names = ", ".join(each.name for each in seats(found) if each.server)
    if names:
        tell(say("class.not_stopped", names=names))
