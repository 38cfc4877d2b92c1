"""One class on one host: what class.toml says, and the folder where everything of it lies."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ecrlab.home import read_json, write_private
from ecrlab_course.classroom.pseudonyms import secret_of
from ecrlab_course.messages import say

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
"""A learner's name on the hub: lower case, because parts of URLs are compared so, and it is a folder's name."""
SPAWNERS = ("namespaces", "containers")
FIRST_UID = 58_000
"""Unix numbers of learners: 1000 and more are accounts of the host, 61184 and more systemd's (systemd.io/UIDS-GIDS)."""


class ClassError(Exception):
    """The class cannot be as it is written, or not on this host; the text says what was seen and what helps."""


@dataclass(frozen=True, kw_only=True)
class Class:
    """A class: `learners` are names, or how many; `at_a_time` start together, about three per processor.

    `port` is where browsers come in; the hub, its proxy's control and the board take the three behind it, on this
    host's loopback alone. `memory` and `processors` limit one container.
    """

    folder: Path
    learners: tuple[str, ...]
    instructors: tuple[str, ...] = ("instructor",)
    spawner: str = "namespaces"
    listen: str = "0.0.0.0"
    port: int = 8000
    image: str = "ecrlab/learner"
    memory: str = "1G"
    processors: float = 2.0
    at_a_time: int = 6
    certificate: str = ""
    key: str = ""

    @property
    def hub_port(self) -> int:
        """The hub's own port."""
        return self.port + 1

    @property
    def proxy_port(self) -> int:
        """The port at which the hub tells the proxy its routes."""
        return self.port + 2

    @property
    def board_port(self) -> int:
        """The board's port."""
        return self.port + 3

    @property
    def run(self) -> Path:
        """Process ids, logs, the hub's database."""
        return self.folder / "run"

    @property
    def shared(self) -> Path:
        """The sockets that every learner may use: the hub's and the board's."""
        return self.folder / "shared"

    @property
    def board(self) -> Path:
        """What the board keeps, and the secret of the class."""
        return self.folder / "board"

    def home(self, name: str) -> Path:
        """Return a learner's home."""
        return self.folder / "homes" / name

    def sockets(self, name: str) -> Path:
        """Return the folder of a learner's own socket: short, a socket's path has 107 bytes at most (unix(7))."""
        return self.folder / "sockets" / name

    def uid(self, name: str) -> int:
        """Return the learner's Unix number, the same for good."""
        kept = read_json(self.folder / "numbers.json")
        if name not in kept:
            kept[name] = max([FIRST_UID, *kept.values()]) + 1
            write_private(self.folder / "numbers.json", f"{_json(kept)}\n")
        return int(kept[name])

    @property
    def secret(self) -> bytes:
        """The secret that passwords, pseudonyms and tokens come from."""
        return secret_of(self.board)

    def make(self) -> Class:
        """Make the folders: nobody but root lists them, and each learner passes through to their own."""
        for folder in (self.folder, self.folder / "homes", self.folder / "sockets", self.shared):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o711)
        for folder in (self.run, self.board):
            folder.mkdir(mode=0o700, exist_ok=True)
        return self


def _json(table: dict[str, Any]) -> str:
    import json

    return json.dumps(table, indent=1, sort_keys=True)


def _names(value: object, stem: str) -> tuple[str, ...]:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 500:
        width = max(2, len(str(value)))
        return tuple(f"{stem}{number:0{width}}" for number in range(1, value + 1))
    names = value if isinstance(value, list) else []
    good = all(isinstance(each, str) and NAME.fullmatch(each) for each in names)
    if names and good and len(set(names)) == len(names):
        return tuple(names)
    raise ClassError(say("class.names", field=f"{stem}s"))


def read(path: Path) -> Class:
    """Return the class of a file. Raises ClassError, with the file's name, for what is missing or not of its kind."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ClassError(say("class.no_file", file=path)) from None
    except (OSError, ValueError) as error:
        raise ClassError(say("class.not_toml", file=path, reason=error)) from None
    kinds: dict[str, Any] = {
        "spawner": str, "listen": str, "port": int, "image": str, "memory": str, "processors": (int, float),
        "at_a_time": int, "certificate": str, "key": str, "folder": str, "learners": object, "instructors": object,
    }  # fmt: skip
    unknown = sorted(set(data) - set(kinds))
    if unknown:
        raise ClassError(say("class.unknown", file=path, field=unknown[0], fields=", ".join(sorted(kinds))))
    for name, value in data.items():
        is_number = isinstance(value, int | float)
        is_wrong = not isinstance(value, kinds[name]) or (kinds[name] is not object and is_number and value <= 0)
        if is_wrong or (kinds[name] is not object and isinstance(value, bool)):
            raise ClassError(say("class.kind", file=path, field=name))
    folder = Path(str(data.get("folder", "/srv/ecrlab-class")))
    hidden = any(folder.is_relative_to(place) for place in ("/tmp", "/var/tmp"))
    if not folder.is_absolute() or len(str(folder)) > 60 or hidden:
        raise ClassError(say("class.folder", file=path, folder=folder))
    given = {each.name: data[each.name] for each in fields(Class) if each.name in data}
    given["folder"] = folder
    given["learners"] = _names(data.get("learners"), "learner")
    given["instructors"] = _names(data.get("instructors", ["instructor"]), "instructor")
    found = Class(**given)
    if found.spawner not in SPAWNERS:
        raise ClassError(say("class.spawner", file=path, spawners=", ".join(SPAWNERS)))
    if set(found.learners) & set(found.instructors):
        raise ClassError(say("class.both", file=path))
    return found
