"""Make six containers that do not live, and show of each how it ended and its last words."""

import contextlib
import io
import tarfile
from typing import Any

import docker
from docker.errors import APIError, NotFound

GOOD = b"#!/bin/sh\nexec httpd -f -p 8080 -h /www\n"
FILES = {
    "one.sh": (0o755, GOOD.partition(b"\n")[2]),
    "two.sh": (0o755, GOOD.replace(b"\n", b"\r\n")),
    "three.sh": (0o644, GOOD),
    "four.sh": (0o755, GOOD),
    "five.sh": (0o755, GOOD.replace(b"httpd", b"http")),
    "six.sh": (0o755, GOOD.replace(b"exec httpd -f", b"httpd")),
}
COMMANDS = {"four": "/fuor.sh"}


def packed() -> bytes:
    """Return the files as the tar archive that the engine takes."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, (mode, content) in FILES.items():
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = mode, len(content)
            archive.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def words_of(container: Any, error: str) -> str:
    """Return the last line that was said about the container, or by it."""
    said = (container.logs().decode(errors="replace").strip() or error).splitlines() or [""]
    words = said[-1].partition(": unknown")[0]
    return words.rpartition("process: ")[2]


engine: Any = docker.from_env()  # type: ignore[attr-defined, no-untyped-call]
for file in FILES:
    name = file.partition(".")[0]
    with contextlib.suppress(NotFound):
        earlier = engine.containers.get(name)
        if earlier.attrs["Config"]["Image"] != "my-web-app:1.0":
            raise SystemExit(f"A container called {name} is not of this lesson: docker rename {name} my-{name}")
        earlier.remove(force=True, v=True)
    container = engine.containers.create("my-web-app:1.0", [COMMANDS.get(name, f"/{file}")], name=name)
    container.put_archive("/", packed())
    error = ""
    try:
        container.start()
        container.wait(timeout=10)
    except APIError as refused:
        error = str(refused.explanation or refused)
    container.reload()
    state = container.attrs["State"]
    print(f"{name:<6} {state['Status']:<8} {state['ExitCode']:>3}  {words_of(container, error)}", flush=True)
engine.close()
