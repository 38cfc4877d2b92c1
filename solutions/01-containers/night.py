"""The night job, rehearsed: what would a new `board` serve, of the same image, command and mounts? Nothing is removed.

`python night.py` says what both serve; `python night.py --json` says all that was seen, in one line.
"""

import contextlib
import json
import sys
import time
from typing import Any

import docker
from docker.errors import APIError, NotFound

WORDS = "Closed on Sunday"
REHEARSAL = "board-rehearsal"


def page_of(container: Any, seconds: float = 1.5) -> str:
    """Return the page that the container serves at 8080; "" when it serves none."""
    until = time.monotonic() + seconds
    while True:
        try:
            code, said = container.exec_run(["wget", "-q", "-O", "-", "http://127.0.0.1:8080/"])
        except APIError:
            return ""
        if code == 0:
            return str(said.decode(errors="replace"))
        if time.monotonic() > until:
            return ""
        time.sleep(0.1)


def new_one(engine: Any, inspected: dict[str, Any]) -> Any:
    """Start a container as the night job would; what an image's VOLUME or a bare -v makes is made again."""
    kept = ("Image", "Cmd", "Entrypoint", "Env", "WorkingDir", "User", "Volumes", "ExposedPorts", "Labels")
    settings = {key: inspected["Config"].get(key) for key in kept}
    host = {**inspected["HostConfig"], "PortBindings": {}, "RestartPolicy": {"Name": ""}, "AutoRemove": False}
    made = engine.api.create_container_from_config({**settings, "HostConfig": host}, REHEARSAL)
    container = engine.containers.get(made["Id"])
    container.start()
    return container


def remove(engine: Any) -> None:
    """Remove what an earlier rehearsal left."""
    with contextlib.suppress(NotFound):
        engine.containers.get(REHEARSAL).remove(force=True, v=True)


def look(engine: Any) -> dict[str, Any]:
    """Return what `board` is and serves, and what a new one would serve."""
    near = [each for each in engine.containers.list() if "board" in each.name.lower()]
    others = [each.name for each in near if each.name not in ("board", REHEARSAL) and WORDS in page_of(each, 0)]
    try:
        board = engine.containers.get("board")
    except NotFound:
        return {"found": False, "others": others}
    inspected = board.attrs
    seen = {
        "found": True,
        "others": others,
        "status": board.status,
        "image": inspected["Config"]["Image"],
        "command": " ".join([*(inspected["Config"].get("Entrypoint") or []), *(inspected["Config"].get("Cmd") or [])]),
        "restart": (inspected["HostConfig"].get("RestartPolicy") or {}).get("Name") or "",
        "mounts": [
            [each.get("Type", ""), each.get("Name") or each.get("Source") or "", each["Destination"]]
            for each in inspected["Mounts"]
        ]
        + [["tmpfs", "", place] for place in inspected["HostConfig"].get("Tmpfs") or {}],
        "named": [bind.partition(":")[0] for bind in inspected["HostConfig"].get("Binds") or []]
        + [each.get("Source") or "" for each in inspected["HostConfig"].get("Mounts") or []],
        "before": page_of(board) if board.status == "running" else "",
        "after": "",
        "refused": "",
    }
    # A build notes its instruction there; a commit notes the container's command.
    history = engine.api.history(inspected["Image"])
    seen["committed"] = bool(history) and history[0]["CreatedBy"] == " ".join(inspected["Config"].get("Cmd") or [])
    remove(engine)
    try:
        seen["after"] = page_of(new_one(engine, inspected))
    except APIError as error:
        seen["refused"] = str(error.explanation or error)
    finally:
        remove(engine)
    return seen


def told(seen: dict[str, Any]) -> str:
    """Return what was seen, for people."""
    if not seen["found"]:
        return "There is no container called board."
    has = {True: "has the notice", False: "has no notice"}
    return f"now: {has[WORDS in seen['before']]} · after the night: {has[WORDS in seen['after']]}"


if __name__ == "__main__":
    client: Any = docker.from_env()  # type: ignore[attr-defined, no-untyped-call]
    found = look(client)
    client.close()
    print(json.dumps(found) if "--json" in sys.argv else told(found))
