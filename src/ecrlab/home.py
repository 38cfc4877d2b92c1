"""The folder that holds everything ECR Lab keeps on this machine."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecrlab.durable import sync

DEFAULT_PORT = 4510
ACCOUNT = "123456789012"
PARTNER_ACCOUNT = "444455556666"
REGION = "us-east-1"
PROFILES = ("admin", "developer", "ci", "ops", "auditor", "partner")
NOBODY = "nobody"
"""A stranger: no AWS profile, and a docker without a login. Not among the profiles: there are no keys to write down."""
LOOKING = "ecrlab-check"
"""The word in the user agent of requests that only look: the X-ray that a learner sees leaves them out, and they count
as no pull."""


@dataclass(frozen=True)
class Home:
    """One learner's home folder: the lab's state, the progress file, and what belongs to running processes.

    ``path`` is made absolute. Nothing is created until `make` is called.
    """

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path).expanduser().resolve())

    @classmethod
    def find(cls, environ: Mapping[str, str] | None = None, start: Path | None = None) -> Home:
        """Return the home that a command run here belongs to.

        The first of: ``ECRLAB_HOME``; the nearest existing folder ``.ecrlab`` in ``start`` (default: the working
        folder) or above it; ``start/.ecrlab``.
        """
        named = (os.environ if environ is None else environ).get("ECRLAB_HOME")
        if named:
            return cls(Path(named))
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if (folder / ".ecrlab").is_dir():
                return cls(folder / ".ecrlab")
        return cls(here / ".ecrlab")

    def make(self) -> Home:
        """Create the folders that are missing, readable by their owner only, and return this home."""
        for folder in (self.path, self.lab, self.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self

    def look(self) -> None:
        """Raise OSError when this home is there and may not be looked into, as that of another user."""
        with contextlib.suppress(FileNotFoundError):
            os.scandir(self.lab).close()
        with contextlib.suppress(FileNotFoundError):
            self.control.open("rb").close()

    def unusable(self) -> Path | None:
        """Return the first folder or file of this home that the present user cannot work with, None when all is well.

        One start as another user leaves some in between; what is stored in blobs, of which there may be many, is not
        looked at one by one.
        """
        everything = os.R_OK | os.W_OK | os.X_OK
        for top in (self.path, self.lab, self.run):
            if top.exists() and not os.access(top, everything):
                return top
        for top in (self.lab, self.run):
            for name, folders, files in os.walk(top):
                folder = Path(name)
                for each in (folder / kept for kept in folders):
                    if not os.access(each, everything):
                        return each
                for each in () if "blobs" in folder.parts[len(top.parts) :] else (folder / kept for kept in files):
                    if not os.access(each, os.R_OK | os.W_OK) and os.path.lexists(each) and not each.is_symlink():
                        return each
        return None

    @property
    def lab(self) -> Path:
        """The state of the local cloud: database, blobs, the generated AWS and docker configuration."""
        return self.path / "lab"

    @property
    def control(self) -> Path:
        """The file that the listening server writes: its port, process id and the secret of its control interface."""
        return self.lab / "control.json"

    @property
    def progress(self) -> Path:
        """The learner's progress; no reset of the lab touches it.

        ``ECRLAB_PROGRESS`` names another file: on a cluster the lab is on a disk that goes with the pod, and progress,
        with the files beside it (drills, tickets, what is shared), on one that stays.
        """
        named = os.environ.get("ECRLAB_PROGRESS")
        return Path(named).expanduser().absolute() if named else self.path / "progress.json"

    @property
    def run(self) -> Path:
        """Process ids, logs, and what only matters while something runs."""
        return self.path / "run"

    def note_asked(self, name: str) -> None:
        """Note that somebody has asked for something in a terminal now: xray, can, clock. Who is asked says nothing."""
        with contextlib.suppress(OSError):
            folder = self.run / "asked"
            folder.mkdir(mode=0o700, exist_ok=True)
            (folder / name).touch()

    def asked_since(self, moment: float) -> set[str]:
        """Return what `note_asked` was told since a moment of real time, in seconds."""
        with contextlib.suppress(OSError):
            return {path.name for path in (self.run / "asked").iterdir() if path.stat().st_mtime >= moment}
        return set()

    @property
    def aws_config(self) -> Path:
        """The AWS configuration file with the lab's profiles (written by the server)."""
        return self.lab / "aws" / "config"

    @property
    def aws_credentials(self) -> Path:
        """The AWS credentials file with the lab's profiles (written by the server)."""
        return self.lab / "aws" / "credentials"

    def docker_config(self, profile: str) -> Path:
        """The docker configuration folder of one profile: docker keeps one login per host and port."""
        return self.lab / "docker" / profile

    @property
    def key(self) -> str:
        """Eight hexadecimal characters that stand for this home's path, for names that must be short."""
        return hashlib.sha256(str(self.path).encode()).hexdigest()[:8]

    @property
    def sockets(self) -> Path:
        """The folder for Unix sockets: short, because the kernel refuses socket paths over 107 bytes."""
        name = f"ecrlab-{self.key}"
        if os.geteuid() == 0 and Path("/run").is_dir():
            return Path("/run") / name
        user = os.environ.get("XDG_RUNTIME_DIR")
        if user and len(user) < 60 and Path(user).is_dir():
            return Path(user) / name
        return Path(tempfile.gettempdir() if len(tempfile.gettempdir()) < 60 else "/tmp") / f"{name}-{os.geteuid()}"

    @property
    def known_port(self) -> int | None:
        """The main port: what the server wrote when it began to listen, else the remembered one; None before that."""
        written = self.read_control().get("port")
        if isinstance(written, int):
            return written
        try:
            return int((self.lab / "port").read_text())
        except (OSError, ValueError):
            return None

    @property
    def port(self) -> int:
        """The main port, and 4510 as long as the lab has none: the first start takes that one if it is free."""
        return self.known_port or DEFAULT_PORT

    @property
    def hub_password(self) -> Path:
        """The file with the password of the hub's user learner (written by the server, mode 600)."""
        return self.lab / "hub" / "password"

    @property
    def hub_port(self) -> int | None:
        """The port of the Docker-Hub-like registry, or None before the lab's first start."""
        try:
            return int((self.lab / "hub" / "port").read_text())
        except (OSError, ValueError):
            return None

    def remember_hub_port(self, port: int) -> None:
        """Keep ``port`` where commands find it that run while the lab does not."""
        write_private(self.lab / "hub" / "port", f"{port}\n")

    @property
    def mirror_port(self) -> int | None:
        """The port of the hub's mirror, or None before the lab's first start."""
        try:
            return int((self.lab / "hub" / "mirror_port").read_text())
        except (OSError, ValueError):
            return None

    def remember_mirror_port(self, port: int) -> None:
        """Keep ``port`` where commands find it that run while the lab does not."""
        write_private(self.lab / "hub" / "mirror_port", f"{port}\n")

    @property
    def ci(self) -> Path:
        """What the git server keeps: its repositories, and a folder for each run."""
        return self.lab / "ci"

    @property
    def git_server_port(self) -> int | None:
        """The port of the git server's documents (the issuer of identity tokens), or None before the first start."""
        try:
            return int((self.lab / "git_server_port").read_text())
        except (OSError, ValueError):
            return None

    def remember_git_server_port(self, port: int) -> None:
        """Keep ``port`` where commands find it that run while the lab does not."""
        write_private(self.lab / "git_server_port", f"{port}\n")

    @property
    def public_port(self) -> int | None:
        """The port of ECR Public's registry, or None before the lab's first start."""
        try:
            return int((self.lab / "public_port").read_text())
        except (OSError, ValueError):
            return None

    def remember_public_port(self, port: int) -> None:
        """Keep ``port`` where commands find it that run while the lab does not."""
        write_private(self.lab / "public_port", f"{port}\n")

    @property
    def regional_ports(self) -> dict[str, int]:
        """The ports of the learner's registries in further Regions, by Region, as far as they were opened."""
        return {name: port for name, port in read_json(self.lab / "regional_ports").items() if isinstance(port, int)}

    def remember_regional_port(self, region: str, port: int) -> None:
        """Keep ``port`` where commands find it that run while the lab does not."""
        known = self.regional_ports
        if known.get(region) != port:
            write_private(self.lab / "regional_ports", json.dumps({**known, region: port}) + "\n")

    def remember_port(self, port: int) -> None:
        """Keep ``port`` as this lab's main port, so that addresses stay the same after a restart."""
        self.make()
        write_private(self.lab / "port", f"{port}\n")

    def read_control(self) -> dict[str, Any]:
        """Return the content of the control file, or an empty dict when there is none or it is half-written."""
        return read_json(self.control)


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in ``path``, or an empty dict when the file is missing, damaged or no object."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_private(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` in one step, readable by its owner only (mode 600).

    A reader sees the old file or the new one, never a part of either.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            sync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = error.filename or str(path)
        raise
