"""A container engine of the lab's own: a dockerd and a containerd beside whatever else runs on this Linux machine.

Both have their own data, sockets, bridge and cgroup, and dockerd touches no firewall rule: with its usual network
settings it would delete the rules of another dockerd (tried). What a killed run leaves behind is wiped by the next one.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ecrlab.engine.engine import Engine, EngineError
from ecrlab.home import Home
from ecrlab.processes import Process, last_lines, spawn

Say = Callable[[str], None]

START_SECONDS = 40.0
_SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
_DETACH = 2  # MNT_DETACH of umount2(2)


def possible() -> str | None:
    """Return None when a private engine may be tried here, else the reason why not."""
    if sys.platform != "linux":
        return "The lab can start its own engine on Linux only."
    if os.geteuid() != 0:
        return "The lab can start its own engine only when it runs as root."
    return None


def installable() -> bool:
    """Tell whether the lab may install ``docker.io`` here: Debian or Ubuntu (or made from them), as root."""
    return possible() is None and shutil.which("apt-get") is not None and bool(_family() & {"debian", "ubuntu"})


def missing() -> list[str]:
    """Return the programs that a private engine needs and that are not installed."""
    return [name for name in ("dockerd", "containerd", "ip", "docker") if _program(name) is None]


def install(say: Say) -> None:
    """Install Debian's or Ubuntu's packages ``docker.io`` and ``iproute2``, saying so first.

    Raises EngineError with the last lines of apt-get when that fails.
    """
    say("Installing the packages docker.io and iproute2 with apt-get (about 65 MB). This takes a minute or two.")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-q"],
        ["apt-get", "install", "-y", "-q", "--no-install-recommends", "docker.io", "iproute2"],
    ):
        try:
            answer = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environ, timeout=900, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EngineError(f"`{' '.join(command)}` did not work: {error}") from error
        if answer.returncode != 0:
            tail = "\n".join((answer.stdout + answer.stderr).strip().splitlines()[-5:])
            raise EngineError(f"`{' '.join(command)}` failed:\n{tail}")


def start_private(home: Home, say: Say = lambda line: None) -> Engine:
    """Start the home's own engine, or return the one that is running; wipe first what a killed one left behind.

    Images survive a restart; they lie in the folder ``engine`` of the home. Raises EngineError, with the end of the
    log, when it cannot be started.
    """
    reason = possible()
    if reason is not None:
        raise EngineError(reason)
    running = running_private(home)
    if running is not None:
        return running
    lacking = missing()
    if lacking:
        raise EngineError(f"These programs are missing: {', '.join(lacking)}. {_how_to_install()}")
    if set(str(home.path)) & set(",:"):
        raise EngineError(f"dockerd refuses folders with a comma or a colon in their path, such as {home.path}.")
    home.make()
    if wipe(home):
        say("Cleaned up what an earlier engine of this lab had left behind.")
    say("Starting a container engine for this lab alone.")
    try:
        return _start(home)
    except BaseException:
        stop_private(home)
        raise


def running_private(home: Home) -> Engine | None:
    """Return the home's own engine if all of it is running and it answers, else None."""
    daemon = Process.remembered(home.run / "dockerd.json")
    if daemon is None or Process.remembered(home.run / "containerd.json") is None:
        return None
    try:
        return Engine("private", _host(home), source="started by the lab", pid=daemon.pid).contact()
    except EngineError:
        return None


def stop_private(home: Home) -> bool:
    """Stop the home's own engine with its containers and remove all traces but its images; tell if there was any.

    Containers are killed first: a dockerd waits ten seconds for each that ignores a request to end.
    """
    if possible() is not None:
        return False
    daemon = Process.remembered(home.run / "dockerd.json")
    runtime = Process.remembered(home.run / "containerd.json")
    if daemon is not None:
        _kill_containers(Engine("private", _host(home)))
        daemon.end(15)
    if runtime is not None:
        runtime.end(5)
    wiped = wipe(home)
    return daemon is not None or runtime is not None or wiped


def wipe(home: Home) -> bool:
    """Remove all that a killed engine of this home left behind, except its images; tell whether there was anything.

    That is: daemons, shims and containers still running, cgroups, mounts (the data folder's own bind mount too), the
    bridge, sockets and pid files. Only things that carry this home's key or lie in its folders are touched.
    """
    found = False
    for _ in range(20):
        running = _own_processes(home)
        if not running:
            break
        found = True
        for pid in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    for mount in _own_mounts(home):
        found = True
        ctypes.CDLL(None, use_errno=True).umount2(os.fsencode(mount), _DETACH)
    if Path("/sys/class/net", _bridge(home)).exists():
        found = True
        _ip("link", "delete", _bridge(home))
    for root in _cgroups(home):
        for folder, _, _ in os.walk(root, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
    if home.sockets.exists():
        found = True
        shutil.rmtree(home.sockets, ignore_errors=True)
    for name in ("dockerd.json", "containerd.json"):
        (home.run / name).unlink(missing_ok=True)
    return found


def _start(home: Home) -> Engine:
    sockets, data = home.sockets, home.path / "engine"
    sockets.mkdir(mode=0o711)
    data.mkdir(mode=0o711, exist_ok=True)
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "DOCKER_", "CONTAINERD_")) and name != "NOTIFY_SOCKET"
    }
    environ["PATH"] = f"{environ.get('PATH', '')}:{_SYSTEM_FOLDERS}"

    (sockets / "containerd.toml").write_text(_containerd_settings(sockets, data), encoding="utf-8")
    log = home.run / "containerd.log"
    runtime = spawn([str(_program("containerd")), "--config", str(sockets / "containerd.toml")], log, environ, data)
    runtime.remember(home.run / "containerd.json")
    _await(lambda: (sockets / "containerd.sock").exists(), runtime, "containerd", log)

    _ip("link", "add", _bridge(home), "type", "bridge")
    (sockets / "daemon.json").write_text("{}\n")
    log = home.run / "dockerd.log"
    daemon = spawn([str(_program("dockerd")), *_daemon_flags(home, data)], log, environ, data)
    daemon.remember(home.run / "dockerd.json")
    engine = Engine("private", _host(home), source="started by the lab", pid=daemon.pid)

    def answers() -> bool:
        with contextlib.suppress(EngineError):
            engine.contact()
            return True
        return False

    _await(answers, daemon, "dockerd", log)
    return engine.contact()


def _daemon_flags(home: Home, data: Path) -> list[str]:
    sockets = home.sockets
    return [
        f"--config-file={sockets}/daemon.json",
        f"--data-root={data}/docker",
        f"--exec-root={sockets}/exec",
        f"--pidfile={sockets}/dockerd.pid",
        f"--host={_host(home)}",
        f"--containerd={sockets}/containerd.sock",
        f"--bridge={_bridge(home)}",
        "--userland-proxy=true",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
        "--ip-masq=false",
        f"--cgroup-parent=/{_name(home)}",
        # The systemd driver would want a name that ends in .slice, and a systemd to ask.
        "--exec-opt=native.cgroupdriver=cgroupfs",
    ]


def _containerd_settings(sockets: Path, data: Path) -> str:
    # A JSON string is a TOML string. Without a containerd of its own, dockerd silently joins the machine's.
    return f"""version = 2
root = {json.dumps(str(data / "containerd"))}
state = {json.dumps(str(sockets / "containerd"))}
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = {json.dumps(str(sockets / "containerd.sock"))}
[plugins."io.containerd.internal.v1.opt"]
path = {json.dumps(str(data / "containerd" / "opt"))}
"""


def _await(ready: Callable[[], bool], process: Process, name: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while not ready():
        alive = process.alive()
        if alive and time.monotonic() < until:
            time.sleep(0.05)
            continue
        what = f"{name} did not answer within {START_SECONDS:.0f} seconds" if alive else f"{name} ended at once"
        raise EngineError("\n".join([f"{what}. The end of {log}:", *(f"  {line}" for line in last_lines(log, 8))]))


def _kill_containers(engine: Engine) -> None:
    try:
        running = engine.api("GET", "/containers/json")
    except EngineError:
        return
    for container in running or []:
        with contextlib.suppress(EngineError):
            engine.api("POST", f"/containers/{container['Id']}/kill", timeout=10)


def _own_processes(home: Home) -> set[int]:
    """Our daemons and shims by their arguments, and whatever runs in our cgroups."""
    mark = f"{home.sockets}/"
    found: set[int] = set()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            program = command[0].rpartition("/")[2]
            if (program in ("dockerd", "containerd") or program.startswith("containerd-shim")) and any(
                mark in argument for argument in command[1:]
            ):
                found.add(int(folder.name))
    for root in _cgroups(home):
        for list_of_pids in root.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                found.update(int(pid) for pid in list_of_pids.read_text().split())
    return {pid for pid in found - {os.getpid(), 0} if Process.of(pid) is not None}


def _own_mounts(home: Home) -> list[str]:
    """Mount points in our folders, deepest and youngest first."""
    roots = (str(home.sockets), str(home.path / "engine"))
    points: list[str] = []
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            point = line.split(" ")[4]
            # The kernel writes blanks, tabs, line ends and backslashes as octal numbers.
            for code in ("040", "011", "012", "134"):
                point = point.replace(f"\\{code}", chr(int(code, 8)))
            if any(point == root or point.startswith(f"{root}/") for root in roots):
                points.append(point)
    return points[::-1]


def _cgroups(home: Home) -> list[Path]:
    top = Path("/sys/fs/cgroup")
    return [path for path in (top / _name(home), *top.glob(f"*/{_name(home)}")) if path.is_dir()]


def _name(home: Home) -> str:
    return f"ecrlab-{home.key}"


def _bridge(home: Home) -> str:
    return f"ecr-{home.key}"  # at most 15 characters


def _host(home: Home) -> str:
    return f"unix://{home.sockets}/docker.sock"


def give_address(home: Home, address: str) -> bool:
    """Give the bridge of the home's own engine one more address, which its containers reach; tell whether it has it."""
    device = _bridge(home)
    if _program("ip") is None or not Path(f"/sys/class/net/{device}").exists():
        return False
    try:
        _ip("address", "replace", f"{address}/32", "dev", device)
    except EngineError:
        return False
    return True


def _ip(*arguments: str) -> None:
    command = [str(_program("ip")), *arguments]
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise EngineError(f"`ip {' '.join(arguments)}` failed: {answer.stderr.strip()}")


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_SYSTEM_FOLDERS}")


def _family() -> set[str]:
    """The words of ID and ID_LIKE in /etc/os-release."""
    words: set[str] = set()
    with contextlib.suppress(OSError):
        for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition("=")
            if key in ("ID", "ID_LIKE"):
                words.update(value.strip().strip("\"'").split())
    return words


def _how_to_install() -> str:
    if _family() & {"debian", "ubuntu"}:
        return "Install them with `apt-get install docker.io iproute2`."
    return "Install Docker with this system's package manager."
