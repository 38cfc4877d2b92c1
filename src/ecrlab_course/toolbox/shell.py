"""Run bash as one of the lab's people: strict, ordered, interruptible."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

STRICT = "set -euo pipefail\n"

# What docker adds to the output of `run` and `build` on a machine that forwards no packets. No container of the course
# needs that, and the advice would lead elsewhere.
_NOISE = re.compile(
    rb"^(?:WARNING: | ---> \[Warning\] )IPv4 forwarding is disabled\. Networking will not work\.\r?(?:\n|\Z)",
    re.MULTILINE,
)


class ShellError(Exception):
    """There is no bash on this machine."""


def _end(process: subprocess.Popen[bytes], patience: float) -> None:
    """End the process group: interrupt, then terminate, then kill, `patience` seconds apart."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            break


def run(
    script: str,
    environ: Mapping[str, str],
    folder: Path | None = None,
    write: Callable[[str], None] | None = None,
    timeout: float | None = None,
) -> tuple[int, str]:
    """Run a bash script with errexit, nounset and pipefail; return its exit code and its output, without noise.

    stdout and stderr share one pipe, so their lines stay in order; stdin is empty; the script has a process group of
    its own. `write` gets the output piece by piece. On KeyboardInterrupt the group is interrupted, then ended, and the
    exception is raised again. After `timeout` seconds the group is ended and the exit code is 124, as timeout(1) has
    it. errexit does not see `export X=$(false)`, `cat <(false)`, `if f` or `false && true`.

    Raises ShellError when there is none.
    """
    bash = shutil.which("bash", path=environ.get("PATH"))
    if bash is None:
        raise ShellError(
            "bash was not found on this machine, and every command of the course runs in it. On Windows use WSL or "
            "Codespaces; on Linux install the package bash."
        )
    process = subprocess.Popen(
        [bash, "--noprofile", "--norc", "-c", STRICT + script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(environ),
        cwd=folder,
        start_new_session=True,
    )
    assert process.stdout is not None
    pipe = process.stdout.fileno()
    os.set_blocking(pipe, False)
    pieces: list[bytes] = []
    pending = bytearray()
    deadline = None if timeout is None else time.monotonic() + timeout

    def take(data: bytes, last: bool = False) -> None:
        # Whole lines only: a character of several bytes must not be cut in two, nor a line that is left out.
        begun, end = len(pending), data.rfind(b"\n") + 1
        pending.extend(data)
        cut = len(pending) if last else begun + end if end else 0
        piece = _NOISE.sub(b"", bytes(pending[:cut]))
        del pending[:cut]
        if piece:
            pieces.append(piece)
            if write is not None:
                write(piece.decode(errors="replace"))

    try:
        while True:
            ready, _, _ = select.select([pipe], [], [], 0.1)
            if ready:
                data = os.read(pipe, 65536)
                if not data:
                    break
                take(data)
            elif process.poll() is not None:
                # A process left in the background keeps the pipe open; the script itself has ended.
                break
            if deadline is not None and time.monotonic() > deadline:
                _end(process, 1)
                take(f"\nended after {timeout:g} s\n".encode(), last=True)
                return 124, b"".join(pieces).decode(errors="replace")
        code = process.wait(None if deadline is None else max(0.1, deadline - time.monotonic()))
    except BaseException:
        _end(process, 2)
        raise
    finally:
        process.stdout.close()
    take(b"", last=True)
    return code, b"".join(pieces).decode(errors="replace")
