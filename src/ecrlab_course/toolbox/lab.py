"""The learner's lab as Python sees it: clients for every profile, the X-ray, the clock, a shell, a pusher."""

from __future__ import annotations

import base64
import binascii
import configparser
import contextlib
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import boto3
import botocore.session
from botocore.config import Config

from ecrlab.client import LOOKING, LabClient, LabError, quota_text
from ecrlab.client.duration import ahead
from ecrlab.environment import apply, environment
from ecrlab.home import ACCOUNT, NOBODY, REGION, Home, read_json
from ecrlab_course.documents.client_record import Login, Transcript
from ecrlab_course.documents.ecs import Service, Task
from ecrlab_course.documents.lab_view import Engine, Node
from ecrlab_course.documents.xray_row import Row
from ecrlab_course.toolbox import ecs, refusals, shell
from ecrlab_course.toolbox.ci import Ci
from ecrlab_course.toolbox.hub import Hub
from ecrlab_course.toolbox.image import DOCKER, digest_of, image, push_image

Ship: TypeAlias = tuple[float, str] | tuple[float, str, str]
"""One image of a fleet: days old, its tags with blanks between them, and of an index its architectures."""
KEPT_RUNS, KEPT_OUTPUT = 50, 4000
"""How many runs of bash are kept, and how many characters of each one's output."""
LEAST_MEMORY = 16 * 1024 * 1024
"""Bytes of a container that is started to see whether they are its limit."""


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


class Pulled:
    """What a puller said of an image: true when it has it. `answer` is as `ecrlab.aws.pullers` gives it."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.answer = answer

    def __bool__(self) -> bool:
        """Tell whether the image was pulled."""
        return bool(self.answer["ok"])

    def __repr__(self) -> str:
        """Who pulled, the kubelet's request and response where there are any, and how it ended."""
        answer = self.answer
        lines = [f"puller: {answer['puller']}", f"image: {answer['ImageUri']}"]
        for name in ("request", "response"):
            if answer.get(name):
                lines.append(f"{name}: {json.dumps(answer[name], indent=2, ensure_ascii=False)}")
        if self:
            lines.append(f"pulled: {answer.get('ResolvedImageUri') or answer.get('digest')}")
        else:
            lines.append(": ".join(filter(None, (answer["code"], answer["message"]))))
        return "\n".join(lines)


class Lab:
    """Everything an exercise may ask of the lab (`documents.lab_view.LabView`).

    `folder` is where commands run. A lab made by `looking()` marks its requests, so that a check leaves no trace in
    the learner's X-ray. `mark` is the sequence number after which `rows()` reads when it is not told another.
    """

    account = ACCOUNT

    def __init__(self, home: Home, folder: Path | None = None, quiet: bool = False) -> None:
        self.home = home
        self.folder = folder
        self.mark = 0
        self._quiet = quiet
        self._runs: deque[Transcript] = deque(maxlen=KEPT_RUNS)
        self._since = 0.0
        self.control = LabClient(home)
        self.clock = Clock(self.control)
        self.hub = Hub(home, self.control, self.sh)
        self.ci = Ci(self.control)
        self.filled: Callable[[], dict[str, str]] = dict
        """What `shown` returns; a session sets it."""
        self.missed: Callable[[], dict[str, int]] = dict
        """What `misses` returns; a session sets it."""

    def region(self, name: str) -> Region:
        """Return a Region of the lab, to switch off and on: `lab.region("us-east-1").off()`."""
        return Region(self.control, name)

    def scan_time(self, seconds: float) -> str:
        """Let every scan from now on take so many seconds of lab time, 0: no longer than it needs; say so."""
        self.control.scan_time(seconds)
        return f"A scan takes {seconds:g} s from now on." if seconds else "A scan takes no longer than it needs."

    def quota(self, name: str, value: int | None, *, service: str = "ecr", region: str = REGION) -> str:
        """Set a service quota of the learner's registry, None: back to its default; return it in a sentence.

        `service` is "ecr", or "ecr-public" for the public registry: `lab.quota("images per repository", 3)`.
        """
        return quota_text(self.control.quota(name, value, service, region))

    def pull_as(
        self, who: str, repository: str, tag: str | None = None, *, role: str = "node", region: str = REGION
    ) -> Pulled:
        """Pull an image as "lambda", or as "eks-node" in the role of a node; print it to see what happened.

        Without a tag Lambda pulls again what it was given: a digest. Raises LabError for a function that is not there.
        """
        return Pulled(self.control.pull_as(who, repository, tag, role, region))

    def task(self, task: str = "", *, cluster: str = "", region: str = REGION) -> Task:
        """Return a task of ECS: state, why it stopped, which digest, who pulled; it leaves no trace in the X-ray.

        `task` is an id or its first digits, an ARN, or a service, a family or a revision (`lab.task("booking:2")`) for
        its newest task; left out, the newest task of all. Raises LabError for one that is not there.
        """
        return ecs.task(self.looking(self.mark), task, cluster, region)

    def service(self, service: str = "", *, cluster: str = "", region: str = REGION) -> Service:
        """Return a service of ECS: what is promised, what runs, deployments, events, its tasks; it leaves no trace.

        Left out, the first one there is. Raises ValueError for one that is not there.
        """
        return ecs.service(self.looking(self.mark), service, cluster, region)

    @cached_property
    def _looking(self) -> Lab:
        view = Lab(self.home, self.folder, quiet=True)
        view.hub = self.hub.looking(LOOKING)
        return view

    def looking(self, mark: int = 0, since: float = 0) -> Lab:
        """Return this lab as a check sees it: requests are marked, and `rows()` reads after `mark`.

        `since`, by `time.monotonic()`, does the same for `transcripts`: a run need not have made a request.
        """
        view = self._looking
        view.folder, view.mark, view._runs, view._since = self.folder, mark, self._runs, since
        view.filled, view.missed = self.filled, self.missed
        return view

    @property
    def transcripts(self) -> list[Transcript]:
        """The last runs of bash that this lab made since the mark, oldest first: in memory, and none of looking."""
        return [run for run in self._runs if run.moment >= self._since]

    def expect(self, begun: int | None = None) -> None:
        """Note that a failure is one that the page expected: the last run's, or what was asked since a row."""
        if begun is not None:
            self._runs.append(Transcript("", "", 1, "", begun, self._reached(), time.monotonic(), expected=True))
        elif self._runs:
            self._runs.append(replace(self._runs.pop(), expected=True))

    def logins(self, profile: str = "admin") -> list[Login]:
        """Return the logins in that profile's docker configuration; nothing when there is none."""
        return read_logins(read_json(self.home.docker_config(profile) / "config.json"))

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

    def shown(self) -> dict[str, str]:
        """Return the cells of the table that the learner's requests have filled, each with its newest answer."""
        return self.filled()

    def misses(self) -> dict[str, int]:
        """Return by lesson how many exercises the learner missed at first; a lab counts for its lesson."""
        return self.missed()

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
        """Run bash as that profile in the lesson's folder; return exit code and ordered output.

        As "nobody" it begins without any login, whatever an earlier run of that stranger left.
        """
        if profile == NOBODY:
            (self.home.docker_config(NOBODY) / "config.json").unlink(missing_ok=True)
        environ = apply(environment(self.home, profile, os.environ), os.environ)
        return self.recorded(command, profile, lambda: shell.run(command, environ, self.folder, write, timeout))

    def recorded(self, script: str, profile: str, run: Callable[[], tuple[int, str]]) -> tuple[int, str]:
        """Carry out a run of bash and keep its transcript, unless this lab only looks; return what it returns."""
        if self._quiet:
            return run()
        before, moment = self._reached(), time.monotonic()
        code, output = run()
        self._runs.append(Transcript(script, profile, code, output[-KEPT_OUTPUT:], before, self._reached(), moment))
        return code, output

    def _reached(self) -> int:
        """Return where the X-ray stands; 0 when the lab does not answer."""
        with contextlib.suppress(LabError, OSError):
            return self.last()
        return 0

    def node(self) -> Node:
        """Return the image ``ecrlab/node:1``, the base of the Node.js app; the engine gets it where it has none yet.

        False without an engine, and where no Node.js is to be had. Asks `ecrlab node`, as a learner can; no transcript
        is kept.
        """
        environ = apply(environment(self.home, base=os.environ), os.environ)
        _, output = shell.run("ecrlab node --json", environ, self.folder, timeout=300)
        try:
            told = json.loads(next(line for line in output.splitlines() if line.startswith("{")))
        except (StopIteration, ValueError):
            return Node("", "", "", output.strip())
        return Node(*(str(told[name]) for name in ("name", "version", "source", "sentence")))

    @cached_property
    def limits_memory(self) -> bool:
        """Whether the engine holds a container to its memory: a rootless one without cgroups takes ``-m`` and does not.

        Starts a container, once, of which no transcript is kept. Where it does not run nothing is known, and the cell
        itself will say why. (A183)
        """
        environ = apply(environment(self.home, base=os.environ), os.environ)
        files = "/sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes"
        line = f"docker run --rm -m {LEAST_MEMORY} ecrlab/base:1 sh -c 'echo limit; cat {files}' 2>/dev/null"
        _, output = shell.run(line, environ, self.folder, timeout=60)
        words = output.split()
        return "limit" not in words or str(LEAST_MEMORY) in words

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

    def fleet(self, fleets: Mapping[str, Iterable[Ship]]) -> str:
        """Push images of different ages, {repository: [image, …]}; return how far the clock went.

        Each image is (days old, "its tags"), or (days old, "its tags", "amd64 arm64") for an index. The lab's clock
        walks from the oldest to the youngest; of one age they come in the order given. A repository that is missing is
        made. Raises Refused.
        """
        ecr = self.client("ecr")
        for name in fleets:
            with contextlib.suppress(ecr.exceptions.RepositoryAlreadyExistsException):
                ecr.create_repository(repositoryName=name)
        waiting = [(name, place, ship) for name, ships in fleets.items() for place, ship in enumerate(ships)]
        waiting.sort(key=lambda each: -each[2][0])
        now = waiting[0][2][0] if waiting else 0.0
        for name, place, (days, tags, *parts) in waiting:
            if now > days:
                self.clock.advance(days=now - days)
                now = days
            self._launch(ecr, name, f"{place} {tags}", tags.split(), parts[0].split() if parts else [])
        return self.clock.advance(days=now)

    def _launch(self, ecr: Any, name: str, content: str, tags: list[str], architectures: list[str]) -> None:
        """Push one image of a fleet, or an index of an image for each architecture."""
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        host, _, registry = self.registry.partition("/")
        port, address = int(host.rpartition(":")[2]), f"{registry}/{name}"
        if not architectures:
            made = image(content.encode())
            for tag in tags or [digest_of(made[2])]:
                push_image(port, address, tag, made, token)
            return
        entries = []
        for architecture in architectures:
            made = image(f"{content} {architecture}".encode())
            digest = push_image(port, address, digest_of(made[2]), made, token)
            entries.append(
                {
                    "mediaType": DOCKER + "distribution.manifest.v2+json",
                    "size": len(made[2]),
                    "digest": digest,
                    "platform": {"architecture": architecture, "os": "linux"},
                }
            )
        kind = DOCKER + "distribution.manifest.list.v2+json"
        index = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": entries}, indent=3)
        for tag in tags or [""]:
            named = {"imageTag": tag} if tag else {}
            ecr.put_image(repositoryName=name, imageManifest=index, imageManifestMediaType=kind, **named)

    def user(self, *names: str) -> None:
        """Put the named users' rights back to the seed's."""
        self.control.reset(users=list(names))

    def clear(self, *repositories: str, region: str = REGION) -> None:
        """Delete the named repositories with their images, when they exist."""
        self.control.reset(repositories=list(repositories), account=ACCOUNT, region=region)

    def clear_clusters(self, *clusters: str, families: Iterable[str] = (), region: str = REGION) -> None:
        """Remove the named clusters of ECS with their services, tasks and containers, and families with all revisions.

        The next revision of such a family is the first again: `lab.clear_clusters("harbour", families=["booking"])`.
        """
        self.control.reset(clusters=list(clusters), families=list(families), account=ACCOUNT, region=region)

    def unset(self, *regions: str, account: str = ACCOUNT) -> None:
        """Remove what is set for an account's registries as a whole, in these Regions.

        Replication rules, cache rules, creation templates, the registry's policy and account settings, and quotas.
        """
        for region in regions:
            self.control.reset(settings=True, account=account, region=region)

    def regions_on(self) -> list[str]:
        """Let every Region be reached again; return those that could not."""
        off = list(self.control.status()["regions_off"])
        for region in off:
            self.control.region(region, on=True)
        return off


def read_logins(config: Mapping[str, Any]) -> list[Login]:
    """Return the logins of a docker configuration. What ECR hands out as a password names its person and Region."""
    return [_login(host, entry) for host, entry in dict(config.get("auths") or {}).items()]


def _login(host: str, entry: object) -> Login:
    try:
        assert isinstance(entry, Mapping)
        password = base64.b64decode(str(entry["auth"])).decode().partition(":")[2]
        payload = base64.b64decode(json.loads(base64.b64decode(password))["payload"])
        _, account, name, _, region, expires = json.loads(payload)
        return Login(host, str(name), str(account), str(region), datetime.fromtimestamp(float(expires), UTC))
    except (AssertionError, ValueError, KeyError, TypeError, binascii.Error):
        # Another registry's, one that a credential helper keeps, or a text that the lab did not hand out.
        return Login(host, "", "", "", None)
