"""Processes that outlive the command that started them, and are recognised again by the next one."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecrlab.home import read_json, write_private

# What a terminal or a service manager sends to end a program.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_children: dict[int, subprocess.Popen[bytes]] = {}


@atexit.register
def _let_go() -> None:
    """Tell Python that what still runs is meant to: no warning about it at the end."""
    for child in _children.values():
        if child.poll() is None:
            child.returncode = 0


@dataclass(frozen=True)
class Process:
    """One process, told from a later one with the same number by the time at which it began.

    ``began`` is whatever this system tells about the start, compared as text; empty when it tells nothing.
    """

    pid: int
    began: str

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """Return the running process ``pid``, or None when there is none or it is only waiting to be reaped."""
        child = _children.get(pid)
        if child is not None and child.poll() is not None:
            del _children[pid]
            return None
        began = _began(pid)
        return None if began is None else cls(pid, began)

    @classmethod
    def remembered(cls, path: Path) -> Process | None:
        """Return the process that `remember` wrote to ``path`` if it is still running, else None."""
        written = read_json(path)
        pid = written.get("pid")
        if not isinstance(pid, int) or isinstance(pid, bool):
            return None
        now = cls.of(pid)
        return now if now is not None and now.began == written.get("began") else None

    def remember(self, path: Path) -> None:
        """Write this process to ``path``, for `remembered`."""
        write_private(path, f'{{"pid": {self.pid}, "began": "{self.began}"}}\n')

    def alive(self) -> bool:
        """Tell whether this very process is still running."""
        return Process.of(self.pid) == self

    def end(self, patience: float) -> bool:
        """Ask the process to end, kill it after ``patience`` seconds, and tell whether it ended when asked."""
        if self._signal(signal.SIGTERM) and self.wait(patience):
            return True
        self.kill()
        return False

    def kill(self) -> None:
        """End the process at once (SIGKILL) and wait until it is gone, at most five seconds."""
        if self._signal(signal.SIGKILL):
            self.wait(5)

    def wait(self, seconds: float) -> bool:
        """Wait until the process has ended, at most ``seconds``, and tell whether it has."""
        until = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    def _signal(self, number: signal.Signals) -> bool:
        if not self.alive():
            return True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, number)
            return True
        return False


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Let signals that end a program wait until the block has ended, so that nothing started in it is forgotten.

    Outside the main thread, which no signal handler interrupts, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handlers = {number: signal.getsignal(number) for number in ENDING}
    before = {number: handler for number, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, lambda number, _: came.append(number))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def started_here(process: Process) -> bool:
    """Tell whether this program started ``process`` by `spawn`."""
    return process.pid in _children and process.alive()


def spawn(
    command: Sequence[str], log: Path, environ: Mapping[str, str], folder: Path, memory: Path | None = None
) -> Process:
    """Start ``command`` in a session of its own, so that neither Ctrl-C nor a closed terminal reaches it.

    Its output goes to ``log``; the log of the run before is kept beside it with the ending ``.old``. ``folder`` is its
    working folder. Raises OSError when the program cannot be started. With ``memory`` the process is remembered there,
    and no signal comes between.
    """
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(log.name + ".old"))
    with log.open("wb") as output, uninterrupted():
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(environ),
            start_new_session=True,
        )
        _children[child.pid] = child
        process = Process.of(child.pid) or Process(child.pid, "")
        if memory is not None:
            try:
                process.remember(memory)
            except BaseException:
                process.kill()
                raise
    return process


def last_lines(log: Path, count: int = 15) -> list[str]:
    """Return the last ``count`` lines of ``log``, or none when it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 64 * 1024))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except OSError:
        return []


def _began(pid: int) -> str | None:
    if pid <= 0:
        return None
    if sys.platform == "linux":
        try:
            # The name in brackets may hold blanks and brackets; the state and the 20th field stand after it.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    answer = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, began = answer.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else began.strip()
