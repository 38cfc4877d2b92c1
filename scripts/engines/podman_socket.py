"""Listens at a Unix socket and starts `podman system service` for whoever connects, as systemd's podman.socket does.

Usage: podman_socket.py SOCKET. The service ends after five idle seconds, and the next connection starts another.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys


def main() -> None:
    path = sys.argv[1]
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(128)
    os.dup2(listening.fileno(), 3)  # where a service looks for it (sd_listen_fds)
    os.set_inheritable(3, True)
    while True:
        select.select([listening], [], [])
        command = "LISTEN_FDS=1 LISTEN_PID=$$ exec podman system service --time=5"
        if subprocess.run(["sh", "-c", command], close_fds=False, check=False).returncode:
            sys.exit("podman system service failed")


main()
