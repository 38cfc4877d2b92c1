"""Inside a learner's namespaces: a loopback, a /tmp and a list of users of their own; then the command, as that user.

The first process of the namespaces (root there, started by `unshare`) prepares them, runs the command as the learner
and waits as an init does: it reaps what was left behind, passes SIGTERM on, and when it ends, everything in here ends.
Run by its path, with nothing of the course imported: it stays in memory as long as the learner's server.

    python -I enter.py USER UID HOME COMMAND...
"""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1
"""SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP: netdevice(7)."""


PROCESSES = 400
"""Processes and threads of one learner at most; a lab with two kernels has about 60."""


def _loopback() -> None:
    """Bring the loopback up: a new network namespace has one, and it is down (network_namespaces(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        name = b"lo".ljust(16, b"\0")
        flags = struct.unpack("16sH", fcntl.ioctl(asked, _GET_FLAGS, struct.pack("16sH14x", name, 0))[:18])[1]
        fcntl.ioctl(asked, _SET_FLAGS, struct.pack("16sH14x", name, flags | _UP))


def _own_files(user: str, number: int, home: Path) -> None:
    """Lay a /tmp, and lists of users and groups that name the learner alone, over those of the host."""
    own = home.parent / f".{user}"  # root's: what a learner could write there would be believed
    own.mkdir(mode=0o755, exist_ok=True)
    lines = {
        "passwd": f"root:x:0:0::/nonexistent:/usr/sbin/nologin\n{user}:x:{number}:{number}::{home}:/bin/bash\n",
        "group": f"root:x:0:\n{user}:x:{number}:\n",
    }
    for name, text in lines.items():
        (own / name).write_text(text, encoding="utf-8")
        subprocess.run(["mount", "--bind", str(own / name), f"/etc/{name}"], check=True)
    for place in ("/tmp", "/var/tmp", "/dev/shm"):
        options = f"size=256m,mode=0700,uid={number},gid={number},nosuid,nodev"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)


def _as_learner(number: int, home: Path, command: list[str]) -> None:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))
    os.setgroups([])
    os.setgid(number)
    os.setuid(number)
    os.umask(0o077)
    os.chdir(home)
    # No program gives more than this: no setuid, no file capabilities.
    os.execvp("setpriv", ["setpriv", "--no-new-privs", *command])


def main() -> int:
    """Prepare, run the command, and reap; return its exit code."""
    user, number, home, command = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]
    _loopback()
    _own_files(user, number, home)
    child = os.fork()
    if child == 0:
        _as_learner(number, home, command)
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda number, _frame: os.kill(child, number))
    while True:
        ended, status = os.wait()
        if ended == child:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
