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

# What docker adds to the output of a command that worked, and what would lead elsewhere: on a machine that forwards no
# packets (no container of the course needs that), after a login (the lab keeps a docker configuration for each of its
# people), and from `docker build` where buildx is not installed. A terminal beside the page shows it.
_NOISE = re.compile(
    rb"(?:WARNING: | ---> \[Warning\] )IPv4 forwarding is disabled\. Networking will not work\."
    rb"|Configure a credential helper to remove this warning\. See"
    rb"|DEPRECATED: The legacy builder is deprecated.*"
    rb"| +Install the buildx component to build images with BuildKit:"
    rb"| +BuildKit is currently disabled; enable it by removing the DOCKER_BUILDKIT=0"
)
_AFTER_BLANK = re.compile(rb"WARNING! Your (?:credentials are|password will be) stored unencrypted in .*")
"""What docker puts an empty line before."""
_BEFORE_BLANK = re.compile(
    rb"https://docs\.docker\.com/(?:go/credential-store|engine/reference/commandline/login)/.*"
    rb"| +https://docs\.docker\.com/go/buildx/"
    rb"| +environment-variable\."
)
"""What docker puts an empty line behind."""


class _Quiet:
    """Leaves docker's usual noise out of an output, with the empty lines around it; it comes piece by piece."""

    def __init__(self) -> None:
        self._held = b""
        self._ended = False

    def __call__(self, lines: bytes, last: bool) -> bytes:
        """Return what is kept of these whole lines. An empty one is held back until the next line comes."""
        kept = []
        for line in re.findall(rb"[^\n]*\n|[^\n]+", lines):
            text = line.rstrip(b"\r\n")
            ended, self._ended = self._ended, bool(_BEFORE_BLANK.fullmatch(text))
            if self._ended or _NOISE.fullmatch(text) or (ended and not text):
                continue
            if _AFTER_BLANK.fullmatch(text):
                self._held = b""
                continue
            kept += [self._held, line if text else b""]
            self._held = b"" if text else line
        if last:
            kept.append(self._held)
            self._held = b""
        return b"".join(kept)


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
    quiet = _Quiet()
    deadline = None if timeout is None else time.monotonic() + timeout

    def take(data: bytes, last: bool = False) -> None:
        # Whole lines only: a character of several bytes must not be cut in two, nor a line that is left out.
        begun, end = len(pending), data.rfind(b"\n") + 1
        pending.extend(data)
        cut = len(pending) if last else begun + end if end else 0
        piece = quiet(bytes(pending[:cut]), last)
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
