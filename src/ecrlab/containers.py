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
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any
from urllib.parse import quote

from ecrlab.aws.runner import Ended, Fetched, RunFailed
from ecrlab.engine import Engine, EngineError
from ecrlab.home import Home

HOME, TASK, CONTAINER = "ecrlab.tasks-of", "ecrlab.task", "ecrlab.container"
"""Labels of a container: the home's key, the task's id, the container's name in the recipe."""
MOST_MEMORY = 512
"""MiB that a container gets at most, whatever its recipe says."""
LONGEST_STOP = 2
"""Seconds of real time between the signals TERM and KILL at most: a busybox as process 1 ignores TERM."""
GONE = 137
"""The exit code of a container that is not there any more."""
_LOAD, _QUICK = 120.0, 10.0


class Containers:
    """The engine of a home, as ECS's runner (`ecrlab.aws.runner.Runner`)."""

    def __init__(self, home: Home) -> None:
        self._home = home

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

    def _name(self, task: Mapping[str, Any], container: str) -> str:
        return f"ecrlab-{self._home.key}-task-{task['id'][:12]}-{container}"

    def _body(
        self, task: Mapping[str, Any], recipe: Mapping[str, Any], tag: str, environment: Mapping[str, str]
    ) -> dict[str, Any]:
        """Return what the engine is asked to make; the containers of a task share the first one's network."""
        first = task["recipes"][0]["name"]
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
            },
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
        tag = f"ecrlab-task:{config[:12]}"
        if engine.exchange("GET", f"/images/{tag}/json", timeout=_QUICK)[0] == 200:
            return tag
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

    def survey(self, alive: Collection[str]) -> Mapping[str, Mapping[str, Ended | None]]:
        """Return the containers of tasks, and remove those of other tasks."""
        engine = self._engine()
        found: dict[str, dict[str, Ended | None]] = {}
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
                    self._ended(engine, each["Id"]) if over else None
                )
        except EngineError:
            return {}
        return {task: found.get(task, {}) for task in alive}

    def _ended(self, engine: Engine, number: str) -> Ended:
        state = engine.api("GET", f"/containers/{number}/json", timeout=_QUICK)["State"]
        return Ended(int(state["ExitCode"]), bool(state.get("OOMKilled")))

    def stop(self, task: Mapping[str, Any], seconds: Mapping[str, int]) -> Mapping[str, Ended]:
        """Stop a task's containers, the last one first, and remove them and the images that nobody runs any more."""
        engine, ended = self._engine(), {}
        if engine is None:
            return {}
        for recipe in reversed(task["recipes"]):
            name = quote(self._name(task, recipe["name"]))
            pause = min(seconds.get(recipe["name"], LONGEST_STOP), LONGEST_STOP)
            with contextlib.suppress(EngineError, KeyError, TypeError):
                engine.exchange("POST", f"/containers/{name}/stop?t={pause}", timeout=_QUICK * 3)
                about = engine.api("GET", f"/containers/{name}/json", timeout=_QUICK)
                ended[recipe["name"]] = Ended(int(about["State"]["ExitCode"]), bool(about["State"].get("OOMKilled")))
                self._remove(engine, name)
                # The engine keeps one that another container has.
                engine.exchange("DELETE", f"/images/{quote(about['Config']['Image'])}", timeout=_QUICK)
        return ended

    def _remove(self, engine: Engine, name: str) -> None:
        engine.exchange("DELETE", f"/containers/{name}?force=1&v=1", timeout=_QUICK * 3)

    def close(self) -> None:
        """Remove every container of this home, all at once: an `ecrlab stop` waits for it."""
        engine = self._engine()
        if engine is None:
            return
        with contextlib.suppress(EngineError):
            found = self._mine(engine)
            with ThreadPoolExecutor(max_workers=8) as pool:
                list(pool.map(lambda each: self._remove(engine, each["Id"]), found))
            for image in {str(each["Image"]) for each in found}:
                engine.exchange("DELETE", f"/images/{quote(image)}", timeout=_QUICK)


def _read(answer: bytes) -> Any:
    try:
        return json.loads(answer) if answer.strip() else {}
    except ValueError:
        return {}


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
