"""The containers of ECS's tasks in the lab's engine, over the engine's API.

They carry the home's key, so that a start finds them again after a kill -9, and a stop removes them and no others. An
image goes in as one archive of the blobs that the agent fetched and checked: the engine pulls nothing.
"""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
import tempfile
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any
from urllib.parse import quote

from ecrlab.aws.runner import Alive, Ended, Fetched, Page, RunFailed
from ecrlab.containers import way_back
from ecrlab.containers.way_back import WayBack
from ecrlab.engine import Engine, EngineError
from ecrlab.home import Home

HOME, TASK, CONTAINER, HEALTH = "ecrlab.tasks-of", "ecrlab.task", "ecrlab.container", "ecrlab.health"
"""Labels of a container: the home's key, the task's id, the container's name in the recipe, whether it has a check."""
LONGEST_INTERVAL = 1
"""Seconds of real time between two health checks at most, whatever the recipe says: a learner waits for them."""
MOST_MEMORY = 512
"""MiB that a container gets at most, whatever its recipe says."""
LONGEST_STOP = 2
"""Seconds of real time between the signals TERM and KILL at most: a busybox as process 1 ignores TERM."""
IMAGES = "ecrlab-task"
"""The name of the images that tasks bring."""
MOST_IMAGES = 20
"""After so many of them those that no container has are removed; the others stay until the lab stops, for the next."""
KEPT_LINES, MOST_PRINTED = 200, 16_384
"""Of what a container printed: lines that outlive it, and bytes of them, the last ones."""
_LOAD, _QUICK = 120.0, 10.0
_NODE = "fetch(process.argv[1]).then(a => a.text()).then(t => process.stdout.write(t))"
_FETCHERS = (("wget", "-q", "-O", "-"), ("curl", "-sS"), ("node", "-e", _NODE))
"""What asks for a page inside a container, with the address behind it; busybox's wget falls over with -T."""


class Containers:
    """The engine of a home, as ECS's runner (`ecrlab.aws.runner.Runner`)."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._way_back = WayBack(home)
        self._loaded = 0
        self._led: set[str] = set()
        """The tasks whose network a small container of the lab holds."""

    def _engine(self) -> Engine | None:
        """The engine that the lab's start settled on; None: none, or one that only the docker command reaches."""
        engine = Engine.saved(self._home)
        if engine is None or engine.host is None or not engine.host.startswith(("unix://", "tcp://", "http")):
            return None
        return engine

    def available(self) -> bool:
        """Tell whether there is an engine, and it answers."""
        engine = self._engine()
        if engine is None:
            return False
        try:
            return engine.exchange("GET", "/_ping", timeout=3.0)[0] == 200
        except EngineError:
            return False

    # ------------------------------------------------------------------------------------------------------ starting

    def start(
        self, task: Mapping[str, Any], recipe: Mapping[str, Any], image: Fetched, environment: Mapping[str, str]
    ) -> str:
        """Load the image unless it is there, make the container, and start it. Raises RunFailed."""
        engine = self._engine()
        if engine is None:
            raise RunFailed("there is no container engine any more")
        try:
            tag = self._load(engine, image)
            name = self._name(task, recipe["name"])
            made = self._asked(
                engine,
                "POST",
                f"/containers/create?name={quote(name)}",
                self._body(task, recipe, tag, environment),
                (201,),
            )
            self._asked(engine, "POST", f"/containers/{made['Id']}/start", None, (204, 304))
        except EngineError as error:
            raise RunFailed(str(error)) from None
        return str(made["Id"])

    def lead_back(self, task: Mapping[str, Any], listen: Callable[[str], int | None]) -> str:
        """Let a task's containers reach the lab; return its address in their network, "" where there is no way."""
        engine = self._engine()
        if engine is None:
            return ""
        way = self._way_back.find(engine, listen)
        if not way:
            return ""
        labels = {HOME: self._home.key, TASK: task["id"], CONTAINER: way_back.NAME}
        try:
            address = self._way_back.lead(engine, self._name(task, way_back.NAME), labels, way)
        except EngineError:
            return ""
        self._led.add(task["id"])
        return address

    def _name(self, task: Mapping[str, Any], container: str) -> str:
        return f"ecrlab-{self._home.key}-task-{task['id'][:12]}-{container}"

    def _body(
        self, task: Mapping[str, Any], recipe: Mapping[str, Any], tag: str, environment: Mapping[str, str]
    ) -> dict[str, Any]:
        """Return what the engine is asked to make; the containers of a task share the first one's network."""
        first = way_back.NAME if task["id"] in self._led else task["recipes"][0]["name"]
        network = "default" if recipe["name"] == first else f"container:{self._name(task, first)}"
        own = {each["name"]: each.get("value", "") for each in recipe["environment"]}
        given = recipe.get("memory") or recipe.get("memoryReservation") or int(task["memory"] or MOST_MEMORY)
        body: dict[str, Any] = {
            "Image": tag,
            "Env": [f"{name}={value}" for name, value in {**environment, **own}.items()],
            "Labels": {
                **(recipe.get("dockerLabels") or {}),
                HOME: self._home.key,
                TASK: task["id"],
                CONTAINER: recipe["name"],
                **({HEALTH: "checked"} if recipe.get("healthCheck") else {}),
            },
            "Healthcheck": _check(recipe.get("healthCheck")),
            "HostConfig": {
                "Memory": min(given, MOST_MEMORY) * 1024**2,
                "MemorySwap": min(given, MOST_MEMORY) * 1024**2,
                "ReadonlyRootfs": bool(recipe.get("readonlyRootFilesystem")),
                "NetworkMode": network,
            },
        }
        for name, kept in (("Cmd", "command"), ("Entrypoint", "entryPoint"), ("WorkingDir", "workingDirectory")):
            if recipe.get(kept):
                body[name] = recipe[kept]
        if recipe.get("user"):
            body["User"] = recipe["user"]
        return body

    def _load(self, engine: Engine, image: Fetched) -> str:
        """Bring an image into the engine, under a name of its own; return the name."""
        config = str(image.manifest["config"]["digest"]).partition(":")[2]
        tag = f"{IMAGES}:{config[:12]}"
        if engine.exchange("GET", f"/images/{tag}/json", timeout=_QUICK)[0] == 200:
            return tag  # of an earlier task: loading takes longer than all the rest
        self._loaded += 1
        if self._loaded % MOST_IMAGES == 0:
            self._forget_images(engine)
        with tempfile.TemporaryFile() as file:
            _archive(file, image, tag)
            file.seek(0)
            status, answer = engine.send("/images/load?quiet=1", file, "application/x-tar", timeout=_LOAD)
        if status != 200 or b'"error"' in answer:
            raise RunFailed(f"the engine did not take the image: {answer[:300].decode(errors='replace').strip()}")
        return tag

    def _asked(self, engine: Engine, method: str, path: str, body: Any, good: tuple[int, ...]) -> Any:
        """Ask the engine; return its JSON. Raises RunFailed with its sentence."""
        status, answer = engine.exchange(method, path, timeout=_QUICK * 3, body=body)
        found = _read(answer)
        if status not in good:
            raise RunFailed(str(found.get("message", "") if isinstance(found, dict) else "") or f"it answers {status}")
        return found

    # ------------------------------------------------------------------------------------------------- looking, ending

    def _mine(self, engine: Engine) -> list[dict[str, Any]]:
        wanted = quote(json.dumps({"label": [f"{HOME}={self._home.key}"]}), safe="")
        found = engine.api("GET", f"/containers/json?all=1&filters={wanted}", timeout=_QUICK)
        return found if isinstance(found, list) else []

    def survey(self, alive: Collection[str]) -> Mapping[str, Mapping[str, Ended | Alive]]:
        """Return the containers of tasks, and remove those of other tasks."""
        engine = self._engine()
        found: dict[str, dict[str, Ended | Alive]] = {}
        if engine is None:
            return {}
        try:
            for each in self._mine(engine):
                labels = each["Labels"]
                if labels.get(TASK) not in alive:
                    self._remove(engine, each["Id"])
                    continue
                over = each.get("State") in ("exited", "dead")
                found.setdefault(labels[TASK], {})[labels[CONTAINER]] = (
                    self._ended(engine, each["Id"]) if over else self._alive(engine, each)
                )
            if not alive:
                self._forget_images(engine)
        except EngineError:
            return {}
        return {task: found.get(task, {}) for task in alive}

    def _alive(self, engine: Engine, found: Mapping[str, Any]) -> Alive:
        if HEALTH not in found["Labels"]:  # what the image itself checks does not count
            return Alive()
        state = engine.api("GET", f"/containers/{found['Id']}/json", timeout=_QUICK)["State"]
        known = {"healthy": "HEALTHY", "unhealthy": "UNHEALTHY"}
        return Alive(known.get(str((state.get("Health") or {}).get("Status")), "UNKNOWN"))

    def _ended(self, engine: Engine, number: str) -> Ended:
        state = engine.api("GET", f"/containers/{number}/json", timeout=_QUICK)["State"]
        return Ended(int(state["ExitCode"]), bool(state.get("OOMKilled")))

    def stop(self, task: Mapping[str, Any], seconds: Mapping[str, int]) -> Mapping[str, Ended]:
        """Stop a task's containers, the last one first, and remove them; their images stay for the next task."""
        engine, ended = self._engine(), {}
        if engine is None:
            return {}
        self._led.discard(task["id"])
        for recipe in reversed(task["recipes"]):
            name = quote(self._name(task, recipe["name"]))
            # Below zero the engine would wait for ever.
            pause = max(0, min(seconds.get(recipe["name"], LONGEST_STOP), LONGEST_STOP))
            with contextlib.suppress(EngineError, KeyError, TypeError):
                engine.exchange("POST", f"/containers/{name}/stop?t={pause}", timeout=_QUICK * 3)
                about = engine.api("GET", f"/containers/{name}/json", timeout=_QUICK)
                said = self._printed(engine, name, KEPT_LINES)
                how = Ended(int(about["State"]["ExitCode"]), bool(about["State"].get("OOMKilled")), said)
                ended[recipe["name"]] = how
                self._remove(engine, name)
        with contextlib.suppress(EngineError):
            self._remove(engine, quote(self._name(task, way_back.NAME)))
        return ended

    # ---------------------------------------------------------------------------------------------------- from outside

    def printed(self, task: Mapping[str, Any], container: str, lines: int) -> str:
        """Return the last lines that a container printed; "" when there is none any more, or no engine."""
        engine = self._engine()
        with contextlib.suppress(EngineError):
            return self._printed(engine, quote(self._name(task, container)), lines) if engine is not None else ""
        return ""

    def _printed(self, engine: Engine, name: str, lines: int) -> str:
        status, answer = engine.exchange(
            "GET", f"/containers/{name}/logs?stdout=1&stderr=1&tail={lines}", timeout=_QUICK
        )
        return _unframed(answer)[-MOST_PRINTED:].decode(errors="replace") if status == 200 else ""

    def page(self, task: Mapping[str, Any], container: str, port: int, path: str) -> Page:
        """Ask for a page with a program of the container itself. Raises RunFailed."""
        engine = self._engine()
        if engine is None:
            raise RunFailed("there is no container engine any more")
        name, address = quote(self._name(task, container)), f"http://127.0.0.1:{port}{path}"
        for command in _FETCHERS:
            code, text = self._run_in(engine, name, [*command, address])
            if code == 0:
                return Page(text[:MOST_PRINTED].decode(errors="replace"), len(text) > MOST_PRINTED)
            if code not in (126, 127):
                said = text[:300].decode(errors="replace").strip()
                raise RunFailed(f"inside the task, {command[0]} {address} said: {said or f'exit code {code}'}")
        raise RunFailed(f"its image has none of {', '.join(each[0] for each in _FETCHERS)} to ask with inside the task")

    def _run_in(self, engine: Engine, name: str, command: list[str]) -> tuple[int, bytes]:
        """Run a command in a container; return its exit code (126, 127: there is no such program) and output."""
        asked = {"Cmd": command, "AttachStdout": True, "AttachStderr": True}
        try:
            made = self._asked(engine, "POST", f"/containers/{name}/exec", asked, (201,))
            begin = {"Detach": False, "Tty": False}
            status, answer = engine.exchange("POST", f"/exec/{made['Id']}/start", timeout=_QUICK, body=begin)
            if status >= 400:  # Podman's way to say that there is no such program
                return 127, answer
            code = engine.api("GET", f"/exec/{made['Id']}/json", timeout=_QUICK)["ExitCode"]
        except EngineError as error:
            raise RunFailed(str(error)) from None
        return int(code or 0), _unframed(answer)

    def _remove(self, engine: Engine, name: str) -> None:
        engine.exchange("DELETE", f"/containers/{name}?force=1&v=1", timeout=_QUICK * 3)

    def _kill(self, engine: Engine, number: str) -> None:
        """Remove a container at once: Podman's own removal asks it politely first, and waits ten seconds."""
        engine.exchange("POST", f"/containers/{number}/kill", timeout=_QUICK)
        self._remove(engine, number)

    def close(self) -> None:
        """Remove every container of this home, all at once: an `ecrlab stop` waits for it."""
        engine = self._engine()
        if engine is None:
            return
        with contextlib.suppress(EngineError):
            found = self._mine(engine)
            with ThreadPoolExecutor(max_workers=8) as pool:
                list(pool.map(lambda each: self._kill(engine, each["Id"]), found))
            for each in self._mine(engine):  # Podman keeps one whose network another had
                self._remove(engine, each["Id"])
            self._forget_images(engine)

    def _forget_images(self, engine: Engine) -> None:
        """Remove the images that tasks brought; the engine keeps those that a container has."""
        found = engine.api("GET", "/images/json", timeout=_QUICK) or ()
        # Podman puts its own host before the name.
        names = [name for each in found for name in each.get("RepoTags") or () if f"{IMAGES}:" in name]
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(lambda name: engine.exchange("DELETE", f"/images/{quote(name)}", timeout=_QUICK), names))


def _check(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a recipe's health check as the engine takes it: times in nanoseconds; an image's own is switched off."""
    if not given:
        return {"Test": ["NONE"]}
    interval = min(given.get("interval") or 30, LONGEST_INTERVAL)
    return {
        "Test": list(given["command"]),
        "Interval": interval * 10**9,
        "Timeout": (given.get("timeout") or 5) * 10**9,
        "Retries": given.get("retries") or 3,
        "StartPeriod": (given.get("startPeriod") or 0) * 10**9,
    }


def _read(answer: bytes) -> Any:
    try:
        return json.loads(answer) if answer.strip() else {}
    except ValueError:
        return {}


def _unframed(answer: bytes) -> bytes:
    """Return what a container printed, without the eight bytes before each piece that name its output and length."""
    found, at = bytearray(), 0
    while len(answer) - at >= 8 and answer[at] in (0, 1, 2) and answer[at + 1 : at + 4] == b"\0\0\0":
        size = int.from_bytes(answer[at + 4 : at + 8], "big")
        found += answer[at + 8 : at + 8 + size]
        at += 8 + size
    return bytes(found) if at else answer


def _archive(file: IO[bytes], image: Fetched, tag: str) -> None:
    """Write an image as `docker load` takes it; the id that it gets is its config's digest."""

    def name(digest: str) -> str:
        return digest.partition(":")[2]

    config = str(image.manifest["config"]["digest"])
    layers = [str(each["digest"]) for each in image.manifest["layers"]]
    described = [
        {"Config": f"{name(config)}.json", "RepoTags": [tag], "Layers": [f"{name(each)}.tar" for each in layers]}
    ]
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.add(image.blobs[config], f"{name(config)}.json")
        for each in dict.fromkeys(layers):
            archive.add(image.blobs[each], f"{name(each)}.tar")
        text = json.dumps(described).encode()
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
