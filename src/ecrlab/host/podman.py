"""Podman's settings for the lab's registries.

Docker speaks to localhost without TLS; Podman wants to be told so for every host and port (fact A074). One file of the
lab's own says it: in `registries.conf.d` it adds to Podman's settings and replaces none (tried with 5.8.6). A Podman
service reads its settings once, so one that runs has to be started again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ecrlab.client import LabClient, LabError
from ecrlab.engine import Engine
from ecrlab.home import Home
from ecrlab.host import relay

Say = Callable[[str], None]
Ask = Callable[[str], bool]

# Registries of further accounts and Regions take the next ports; so many are named in advance.
SPARE = 32
# A service that systemd starts on demand ends after five idle seconds; the next one reads the file.
IDLE_SECONDS = 6.0
COMMAND = "ecrlab podman"
RESTART = "systemctl --user restart podman.socket && systemctl --user stop podman.service; ecrlab start"
_HEAD = (
    "# Written by ECR Lab: its registries answer at localhost without TLS. Delete this file when you delete the lab.\n"
)


def settings_file(engine: Engine) -> Path:
    """Return where the settings for this Podman belong: the machine's for root's service, else the user's."""
    path = urlsplit(engine.host or "").path
    shared = Path("/etc") if path.startswith(("/run/podman/", "/var/run/podman/")) else Path.home() / ".config"
    return shared / "containers" / "registries.conf.d" / "ecrlab.conf"


def settings(ports: Sequence[int]) -> str:
    """Return the file's text: one entry for every port."""
    entries = (f'\n[[registry]]\nlocation = "localhost:{port}"\ninsecure = true\n' for port in ports)
    return _HEAD + "".join(entries)


def refusing(home: Home, engine: Engine) -> list[int]:
    """Return the lab's ports from which this Podman wants TLS: it is asked at each. Raises LabError without a lab."""
    return [port for port in relay.ports(LabClient(home).status()) if _wants_tls(home, engine, port)]


def write(home: Home, engine: Engine) -> Path:
    """Write the settings for every port of the running lab and the next ones; return the file.

    Ports that another lab of this machine wrote there stay. Raises OSError, and LabError when the lab does not run.
    """
    path = settings_file(engine)
    wanted = {*relay.wanted_ports(LabClient(home).status(), SPARE), *named(path)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(settings(sorted(wanted)), encoding="utf-8")
    return path


def ensure(home: Home, engine: Engine, say: Say, ask: Ask | None = None) -> tuple[str, str]:
    """Let this Podman speak to the running lab; return what is in the way, and the command that helps.

    Both are "" when nothing is in the way.
    The file is written only when ``ask`` answers yes; without ``ask`` nobody can be asked, and nothing is written.
    """
    path = settings_file(engine)
    try:
        ports = refusing(home, engine)
        if not ports:
            return "", ""
        if not set(ports) <= named(path):
            question = (
                f"Podman wants TLS from the lab's registries at localhost. May the lab write {path}, which tells it "
                "that they have none?"
            )
            if ask is None or not ask(question):
                return f"It wants TLS from localhost, and {path} does not name the lab's ports.", COMMAND
            write(home, engine)
            say(f"Wrote {path}. Delete it when you no longer need the lab.")
        if _reads_it_soon(home, engine, ports[0]):
            return "", ""
        return f"{path} is written, but this Podman service read its settings before that.", RESTART
    except (LabError, OSError) as error:
        return f"Its settings for the lab could not be checked: {error}", ""


def named(path: Path) -> set[int]:
    """Return the ports that a settings file names; none when there is no such file."""
    try:
        return {int(port) for port in re.findall(r'^location = "localhost:(\d+)"$', path.read_text(), re.MULTILINE)}
    except FileNotFoundError:
        return set()


def _wants_tls(home: Home, engine: Engine, port: int) -> bool:
    try:
        return relay.wants_tls(relay.reaches(home, engine, port) or "")
    except relay.Unknown:
        return False


def _reads_it_soon(home: Home, engine: Engine, port: int) -> bool:
    if not _wants_tls(home, engine, port):
        return True
    time.sleep(IDLE_SECONDS)
    return not _wants_tls(home, engine, port)
