"""The learner's lab as Python sees it: clients for every profile, the X-ray, the clock, a shell, a pusher."""

from __future__ import annotations

import configparser
import gzip
import hashlib
import http.client
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config

from ecrlab.client import LOOKING, LabClient, quota_text
from ecrlab.environment import apply, environment
from ecrlab.home import ACCOUNT, REGION, Home, read_json
from ecrlab.span import ahead
from ecrlab_course.documents.lab_view import Engine
from ecrlab_course.documents.xray_row import Row
from ecrlab_course.failure import Refused
from ecrlab_course.toolbox import refusals, shell
from ecrlab_course.toolbox.hub import Hub


@cache
def _session() -> boto3.session.Session:
    """One session for all clients: making one from nothing reads the services' models.

    It knows no profile and no configuration file: a client is given all it needs, and another lab of this process has
    other files.
    """
    unset = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
    own = botocore.session.Session(session_vars=unset)  # type: ignore[no-untyped-call]
    return boto3.session.Session(botocore_session=own)  # type: ignore[no-untyped-call]


@lru_cache(maxsize=64)
def _client(service: str, region: str, key: str, secret: str, endpoint: str, quiet: bool) -> Any:
    """One client for all that ask alike: making one costs more than most requests. `quiet`: it only looks."""
    config = Config(  # type: ignore[no-untyped-call]
        # With 1, botocore adds "(reached max retries: 0)" to AWS's text.
        retries={"total_max_attempts": 2, "mode": "standard"},
        connect_timeout=5,
        read_timeout=60,
        proxies={},
        user_agent_extra=LOOKING if quiet else None,
    )
    return _session().client(  # type: ignore[no-untyped-call]
        service,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        endpoint_url=endpoint,
        config=config,
    )


class Clock:
    """The lab's clock, moved by the learner. Reading it asks the server."""

    def __init__(self, control: LabClient) -> None:
        self._control = control

    def now(self) -> datetime:
        """Return lab time, aware, in UTC."""
        return datetime.fromisoformat(self._control.status()["clock"]["now"])

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> str:
        """Move lab time forward; return a sentence that says how far it is ahead."""
        step = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        answer = self._control.advance(step.total_seconds())
        return f"The lab's clock is {ahead(float(answer['offset_seconds']))} ahead of real time."

    def reset(self) -> str:
        """Put lab time back to real time."""
        self._control.reset_clock()
        return "The lab's clock shows real time again."


class Region:
    """A Region of the lab, to be switched off and on; the rest of the lab goes on."""

    def __init__(self, control: LabClient, name: str) -> None:
        self._control = control
        self.name = name

    def off(self) -> str:
        """Let nothing in the Region be reached any more: neither its API nor its registries."""
        self._control.region(self.name, on=False)
        return f"{self.name} is off. IAM and the other Regions go on."

    def on(self) -> str:
        """Let the Region be reached again; what waited for it is caught up with."""
        self._control.region(self.name, on=True)
        return f"{self.name} is on."


class Lab:
    """Everything an exercise may ask of the lab (`ecrlab_course.authoring.exercises.LabView`).

    `folder` is where commands run. A lab made by `looking()` marks its requests, so that a check leaves no trace in
    the learner's X-ray. `mark` is the sequence number after which `rows()` reads when it is not told another.
    """

    account = ACCOUNT

    def __init__(self, home: Home, folder: Path | None = None, quiet: bool = False) -> None:
        self.home = home
        self.folder = folder
        self.mark = 0
        self._quiet = quiet
        self.control = LabClient(home)
        self.clock = Clock(self.control)
        self.hub = Hub(home, self.control, self.sh)

    def region(self, name: str) -> Region:
        """Return a Region of the lab, to switch off and on: `lab.region("us-east-1").off()`."""
        return Region(self.control, name)

    def quota(self, name: str, value: int | None, *, service: str = "ecr", region: str = REGION) -> str:
        """Set a service quota of the learner's registry, None: back to its default; return it in a sentence.

        `service` is "ecr", or "ecr-public" for the public registry: `lab.quota("images per repository", 3)`.
        """
        return quota_text(self.control.quota(name, value, service, region))

    @cached_property
    def _looking(self) -> Lab:
        view = Lab(self.home, self.folder, quiet=True)
        view.hub = self.hub.looking(LOOKING)
        return view

    def looking(self, mark: int = 0) -> Lab:
        """Return this lab as a check sees it: requests are marked, and `rows()` reads after `mark`."""
        view = self._looking
        view.folder, view.mark = self.folder, mark
        return view

    @property
    def registry(self) -> str:
        """The value of $REGISTRY."""
        return f"localhost:{self.home.port}/{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"

    @property
    def engine(self) -> str:
        """The container engine: "found", "private" or "none"."""
        return str(read_json(self.home.run / "engine.json").get("kind", "none"))

    def _keys(self, profile: str) -> tuple[str, str]:
        parser = configparser.RawConfigParser()
        parser.read(self.home.aws_credentials)
        if not parser.has_section(profile):
            raise ValueError(f"There is no profile {profile!r}. The profiles are: {', '.join(parser.sections())}.")
        return parser.get(profile, "aws_access_key_id"), parser.get(profile, "aws_secret_access_key")

    def client(self, service: str, profile: str = "admin", region: str = REGION) -> Any:
        """Return a boto3 client that speaks to the lab as that profile. It does not repeat refused requests."""
        return _client(service, region, *self._keys(profile), f"http://localhost:{self.home.port}", self._quiet)

    def last(self) -> int:
        """Return the X-ray's last sequence number."""
        return int(self.control.xray(after=2**53, wait=0, limit=1)["last"])

    def rows(self, after: int | None = None) -> list[Row]:
        """Return the X-ray rows after a sequence number (default: `mark`), without those of checks."""
        start = self.mark if after is None else after
        rows: list[Row] = []
        while True:
            answer = self.control.xray(after=start, wait=0, limit=1000)
            batch = answer["rows"]
            rows += [row for row in batch if LOOKING not in (row.get("user_agent") or "")]
            if len(batch) < 1000:
                return rows
            start = batch[-1]["seq"]

    @property
    def prints(self) -> Engine:
        """Which of the engines that print differently this lab's engine is."""
        return refusals.engine_of(self.home)

    def refused_since(self, after: int) -> str:
        """Return the registry's own sentence of the last request that it refused since that row; "" for none."""
        return refusals.said(self.rows(after))

    def sh(
        self, command: str, profile: str = "admin", timeout: float = 60, write: Callable[[str], None] | None = None
    ) -> tuple[int, str]:
        """Run bash as that profile in the lesson's folder; return exit code and ordered output."""
        environ = apply(environment(self.home, profile, os.environ), os.environ)
        return shell.run(command, environ, self.folder, write, timeout)

    def push(
        self, repository: str, tag: str, content: bytes = b"hello", profile: str = "admin", region: str = REGION
    ) -> str:
        """Push an image of one small layer over HTTP, as docker does, and return its digest.

        The bytes depend on `content` alone, so the same content has the same digest everywhere. Raises Refused.
        """
        data = self.client("ecr", profile, region).get_authorization_token()["authorizationData"][0]
        registry = f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com"
        port = self.home.port if region == REGION else int(self.control.registry(ACCOUNT, region)["port"])
        return push_image(
            port, f"{registry}/{repository}", tag, image(content), data["authorizationToken"], quiet=self._quiet
        )

    def user(self, *names: str) -> None:
        """Put the named users' rights back to the seed's."""
        self.control.reset(users=list(names))

    def clear(self, *repositories: str, region: str = REGION) -> None:
        """Delete the named repositories with their images, when they exist."""
        self.control.reset(repositories=list(repositories), account=ACCOUNT, region=region)

    def local_names(self, names: Iterable[str]) -> None:
        """Remove image names from the container engine, when there are any."""
        words = " ".join(f"'{name}'" for name in names)
        self.sh(f"docker rmi -f {words} >/dev/null 2>&1 || true")


def image(content: bytes) -> tuple[bytes, bytes, bytes]:
    """Return layer, config and manifest of an image whose only layer holds the file `content`; deterministic."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        entry = tarfile.TarInfo("content")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    layer = gzip.compress(plain.getvalue(), mtime=0)

    def digest(data: bytes) -> str:
        return "sha256:" + hashlib.sha256(data).hexdigest()

    config = json.dumps(
        {
            "architecture": "amd64",
            "config": {},
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [digest(plain.getvalue())]},
        },
        sort_keys=True,
    ).encode()
    kind = "application/vnd.docker."
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": kind + "distribution.manifest.v2+json",
            "config": {
                "mediaType": kind + "container.image.v1+json",
                "size": len(config),
                "digest": digest(config),
            },
            "layers": [{"mediaType": kind + "image.rootfs.diff.tar.gzip", "size": len(layer), "digest": digest(layer)}],
        },
        sort_keys=True,
    ).encode()
    return layer, config, manifest


def push_image(
    port: int, name: str, tag: str, parts: tuple[bytes, bytes, bytes], token: str, quiet: bool = False
) -> str:
    """Push layer, config and manifest to /v2/NAME on localhost:PORT with a Basic token; return the digest.

    Raises Refused with the registry's own words.
    """
    connection = http.client.HTTPConnection("localhost", port, timeout=60)
    headers = {"Authorization": f"Basic {token}", "User-Agent": f"ecrlab-push{' ' + LOOKING if quiet else ''}"}

    def ask(method: str, path: str, body: bytes = b"", **more: str) -> http.client.HTTPResponse:
        connection.request(method, path, body, {**headers, **more})
        response = connection.getresponse()
        text = response.read()
        if response.status >= 400:
            try:
                error = json.loads(text)["errors"][0]
                code, message = str(error["code"]), str(error["message"])
            except (ValueError, KeyError, IndexError, TypeError):
                code, message = "", text.decode(errors="replace") or response.reason
            raise Refused(response.status, code, message)
        return response

    layer, config, manifest = parts
    try:
        for blob in (layer, config):
            digest = "sha256:" + hashlib.sha256(blob).hexdigest()
            where = _path(ask("POST", f"/v2/{name}/blobs/uploads/"))
            where = _path(ask("PATCH", where, blob))
            ask("PUT", f"{where}{'&' if '?' in where else '?'}digest={digest}")
        kind = json.loads(manifest)["mediaType"]
        ask("PUT", f"/v2/{name}/manifests/{tag}", manifest, **{"Content-Type": kind})
    finally:
        connection.close()
    return "sha256:" + hashlib.sha256(manifest).hexdigest()


def _path(response: http.client.HTTPResponse) -> str:
    target = urlsplit(response.headers["Location"])
    return target.path + (f"?{target.query}" if target.query else "")
