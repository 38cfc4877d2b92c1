"""`ecrlab_course start`: notebooks into work/, the lab, and JupyterLab in the foreground until Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import webbrowser
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from ecrlab.environment import apply, environment
from ecrlab.home import Home, read_json, write_private
from ecrlab.host import launch
from ecrlab.ports import PortTaken, is_reserved, listener, port_is_taken, stays_taken, who_listens
from ecrlab.processes import ENDING, Process, last_lines, started_here, uninterrupted
from ecrlab_course import unloaded
from ecrlab_course.authoring.content import Course
from ecrlab_course.learner import work_folder
from ecrlab_course.messages import say as message

MARK = "course-server.process"
HELD = "ECRLAB_JUPYTER_SOCKET"
FIRST = "00-start-here.ipynb"
READY_SECONDS = 60
WORKSPACE = "default-37a8.jupyterlab-workspace"
"""The file in which JupyterLab keeps the layout of its default workspace."""


class StartError(Exception):
    """JupyterLab could not be started; the text says what was seen and what to do."""


TERMINAL = """[ -f ~/.bashrc ] && . ~/.bashrc
PATH=$(dirname {python}):$PATH
eval "$(ecrlab env)"
"""
"""What a terminal of JupyterLab begins with: the learner's own settings, then the lab's environment."""


PROJECTOR = {
    "@jupyterlab/apputils-extension:themes": {
        "overrides": {"code-font-size": "22px", "content-font-size1": "22px", "ui-font-size1": "16px"}
    }
}
"""JupyterLab's settings for a class, beside those of jupyter_settings.json; the pages do the rest (projector.css)."""


NO_BUILD = {"page_config_data": {"buildAvailable": False, "buildCheck": False}}
"""The course's extension needs no build: JupyterLab does not ask at each page whether one is due (3 s, by node)."""


def course_configuration(home: Home, projector: bool = False) -> dict[str, str]:
    """Return the variables that keep JupyterLab and the kernels out of the user's own configuration folders."""
    folder = home.path / "jupyter"
    config = folder / "config"
    (config / "labconfig").mkdir(parents=True, exist_ok=True)
    settings = json.loads((files("ecrlab_course") / "jupyter_settings.json").read_text(encoding="utf-8"))
    if projector:
        settings.update(PROJECTOR)
    # Sends nothing until the learner shares: sharing/reporter.py.
    (config / "jupyter_server_config.d").mkdir(exist_ok=True)
    reporter = {"ServerApp": {"jpserver_extensions": {"ecrlab_course.sharing.reporter": True}}}
    (config / "jupyter_server_config.d" / "ecrlab.json").write_text(json.dumps(reporter), encoding="utf-8")
    (config / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(settings), encoding="utf-8")
    # The first start shows the course's folder on the left and the page's headings on the right; later, what was left.
    workspace = config / "lab" / "workspaces" / WORKSPACE
    if not workspace.exists():
        workspace.parent.mkdir(parents=True, exist_ok=True)
        tidy = (files("ecrlab_course") / "jupyter_workspace.json").read_text(encoding="utf-8")
        workspace.write_text(tidy, encoding="utf-8")
    (config / "custom").mkdir(exist_ok=True)
    page = (files("ecrlab_course") / "jupyter_page.css").read_text(encoding="utf-8")
    page = page.replace("__ASLEEP__", message("buttons.asleep", wake=message("buttons.wake")))
    (config / "custom" / "custom.css").write_text(page, encoding="utf-8")
    _extension(folder / "data" / "labextensions" / "@ecrlab" / "course")
    (folder / "terminal.sh").write_text(TERMINAL.format(python=shlex.quote(sys.executable)), encoding="utf-8")
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    (startup / "10-ecrlab.py").write_text(unloaded.STARTUP, encoding="utf-8")
    return {
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(home.run / "jupyter"),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        # JupyterLab asks npm for its settings, and npm writes a log of that.
        "npm_config_cache": str(folder / "npm"),
        "ECRLAB_PROJECTOR": "1" if projector else "",
    }


def _extension(target: Path) -> None:
    """Write the course's JupyterLab extension, with its words in it."""
    source = files("ecrlab_course") / "labextension"
    names = ("wake", "wake_does", "terminal", "terminal_does")
    words = json.dumps({name: message(f"buttons.{name}") for name in names})
    (target / "static").mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "static/course.js"):
        text = (source / name).read_text(encoding="utf-8").replace("__WORDS__", words)
        (target / name).write_text(text, encoding="utf-8")


def free_port(first: int = 8888) -> int:
    """Return the first port from `first` on that nothing on localhost uses."""
    with _hold(None, first) as held:
        return int(held.getsockname()[1])


def _hold(port: int | None, first: int = 8888) -> socket.socket:
    """Return a socket that listens at `port`, by default at the first free one from `first` on.

    JupyterLab inherits it: of several courses that begin at the same moment on one machine each gets a port of its own.
    Raises StartError.
    """
    for candidate in range(first, first + 100) if port is None else (port,):
        if not (stays_taken(candidate) if port else port_is_taken(candidate)):
            with contextlib.suppress(PortTaken):
                return listener("127.0.0.1", candidate)
    if port is None:
        raise StartError(f"No port from {first} to {first + 99} is free for JupyterLab.")
    if is_reserved(port):
        raise StartError(f"{PortTaken.of(port)} Or let JupyterLab take a free port: make start")
    raise StartError(
        f"Port {port} is used by another program. End it (to find it: {who_listens(port)}), or let JupyterLab take a "
        "free port: make start"
    )


def _forwarded(port: int) -> str | None:
    """Return the host name at which the owner's browser finds a port of this GitHub codespace; None elsewhere.

    The three variables: GitHub Docs, "Default environment variables for your codespace"; the form of the name:
    "Forwarding ports in your codespace".
    """
    if os.environ.get("CODESPACES") != "true":
        return None
    name, domain = (os.environ.get(key, "") for key in ("CODESPACE_NAME", "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN"))
    host = f"{name}-{port}.{domain}"
    return host if name and domain and re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", host) else None


def _answers(port: int, token: str) -> bool:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api", headers={"Authorization": f"token {token}"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with contextlib.suppress(OSError, ValueError), opener.open(request, timeout=2) as answer:
        return bool(json.load(answer).get("version"))
    return False


def _end_leftover(home: Home, say: Callable[[str], None]) -> str | None:
    """End a JupyterLab whose parent was killed; return the address of one that another terminal still runs."""
    written = read_json(home.run / "jupyter.json")
    process = Process.remembered(home.run / "jupyter.process")
    if process is None:
        return None
    if Process.remembered(home.run / "start.process") is not None and written.get("address"):
        return str(written["address"])
    say("Ending a JupyterLab that an earlier start left behind.")
    process.end(5)
    return None


def start(
    course: Course,
    home: Home,
    say: Callable[[str], None],
    port: int | None = None,
    lab_port: int | None = None,
    folder: Path | None = None,
    projector: bool = False,
) -> int:
    """Run the course until Ctrl-C, SIGTERM or a closed terminal, then stop everything that this call started.

    `port` is JupyterLab's (default: the first free one from 8888), `lab_port` the lab's, `folder` the
    learner's (default: work/ in the checkout); `projector` opens one notebook at a time, large, for a class. With
    ECRLAB_NO_BROWSER=1 no browser is opened; the address with its token is printed either way. Returns an exit code.
    Raises StartError and
    launch.LaunchError.
    """
    stop = _Stop()
    jupyter: list[subprocess.Popen[bytes]] = []

    def tell(line: str) -> None:
        with contextlib.suppress(OSError):  # The terminal may be closed.
            say(line)

    ending = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]  # nohup ignores one
    try:
        for number in ending:
            signal.signal(number, stop)
        _run(course, home, tell, port, lab_port, (folder or course.root / "work").resolve(), projector, jupyter, stop)
    except KeyboardInterrupt:
        pass
    finally:
        stop.came = True  # No signal may cut short what ends the rest.
        if jupyter:
            _end_all(home, jupyter, tell)
        # Everything has ended: one more Ctrl-C has nothing left to stop, and must not make a good end look bad.
        for number in ending:
            signal.signal(number, signal.SIG_IGN)
    return 0


class _Stop:
    """The handler of signals that end the course: the first one interrupts whatever is being done, once."""

    came = False

    def __call__(self, _number: int, _frame: object) -> None:
        if not self.came:
            self.came = True
            raise KeyboardInterrupt

    def check(self) -> None:
        """Interrupt again: Python drops an exception that a handler raises inside a destructor."""
        if self.came:
            raise KeyboardInterrupt


def _run(
    course: Course,
    home: Home,
    say: Callable[[str], None],
    port: int | None,
    lab_port: int | None,
    target: Path,
    projector: bool,
    jupyter: list[subprocess.Popen[bytes]],
    stop: _Stop,
) -> None:
    home.make()
    running_elsewhere = _end_leftover(home, say)
    if running_elsewhere:
        say(f"The course already runs, started from another terminal:\n\n    {running_elsewhere}\n")
        return
    copied = work_folder.copy_course(course.root, target, home)
    if copied.new or copied.updated:
        say(f"{target.name}/: {len(copied.new)} new files, {len(copied.updated)} updated.")
    if copied.kept:
        say(f"{target.name}/: {len(copied.kept)} files that you edited were left alone.")
    token = secrets.token_hex(24)
    with _hold(port) as held:
        jupyter_port = int(held.getsockname()[1])
        child = _spawn(home, target, held, token, projector, jupyter)
    running = launch.start(home, say, lab_port, launch.at_terminal())
    server = launch.server_process(home)
    if server is not None and _ours(home):
        server.remember(home.run / MARK)
    say(f"The lab runs at port {running.port}; {running.engine.title}. This is not AWS.")
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError), child.stdin:  # A child that has ended is reported below.
        child.stdin.write(json.dumps(environment(home)).encode())
    until = time.monotonic() + READY_SECONDS
    while not _answers(jupyter_port, token):
        stop.check()
        if child.poll() is not None or time.monotonic() > until:
            log = home.run / "jupyter.log"
            end = "\n".join(f"  {line}" for line in last_lines(log))
            raise StartError(f"JupyterLab did not start. The end of its log {log}:\n{end}")
        time.sleep(0.05)
    first = FIRST if (target / FIRST).exists() else next((path.name for path in sorted(target.glob("*.ipynb"))), "")
    # /doc shows one document; in a workspace of its own the side bars stay folded away.
    view = "doc/workspaces/room" if projector else "lab"
    path = f"/{view}/tree/{first}" if first else "/lab"
    forwarded = _forwarded(jupyter_port)
    base = f"https://{forwarded}" if forwarded else f"http://localhost:{jupyter_port}"
    address = f"{base}{path}?token={token}"
    write_private(home.run / "jupyter.json", json.dumps({"address": address, "port": jupyter_port}) + "\n")
    say(f"\nThe course is open at\n\n    {address}\n\nCtrl-C here stops it all; what you did is kept.")
    if os.environ.get("ECRLAB_NO_BROWSER") != "1":
        with contextlib.suppress(Exception):
            webbrowser.open(address)
    while child.poll() is None:
        stop.check()
        time.sleep(0.2)
    say("JupyterLab has ended.")


def _spawn(
    home: Home, target: Path, held: socket.socket, token: str, projector: bool, started: list[subprocess.Popen[bytes]]
) -> subprocess.Popen[bytes]:
    """Start JupyterLab's process, which loads its modules and then waits for the lab's environment at its input.

    It answers at the socket `held`.
    """
    port = held.getsockname()[1]
    shell = {"shell_command": ["bash", "--rcfile", str(home.path / "jupyter" / "terminal.sh")]}
    command = [
        sys.executable, "-E", "-P", "-m", "ecrlab_course.start", "--no-browser", f"--port={port}", "--port-retries=0",
        "--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={target}", "--LabApp.custom_css=True",
        f"--ServerApp.terminado_settings={shell!r}", f"--ServerApp.tornado_settings={NO_BUILD!r}",
    ]  # fmt: skip
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    forwarded = _forwarded(port)
    if forwarded:
        # The browser's pages come from there, and no other origin may do more than it could on a machine of one's own.
        command += [f"--ServerApp.allow_origin=https://{forwarded}"]
        command += [f"--ServerApp.local_hostnames={name}" for name in ("localhost", forwarded)]
    # A kernel, whose working folder is the learner's, must not find somebody's modules before the course's either.
    ours = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    variables = {**ours, **course_configuration(home, projector), "JUPYTER_TOKEN": token, HELD: str(held.fileno())}
    with open(home.run / "jupyter.log", "wb") as output, uninterrupted():
        # A session of its own: Ctrl-C reaches this process only, which then ends JupyterLab in order.
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, env=variables, cwd=target,
            start_new_session=True, pass_fds=(held.fileno(),),
        )  # fmt: skip
        started.append(child)
        for pid, name in ((child.pid, "jupyter.process"), (os.getpid(), "start.process")):
            process = Process.of(pid)
            if process is not None:
                process.remember(home.run / name)
    return child


def _ours(home: Home) -> bool:
    """Tell whether the lab is ours to stop: started by this process, or left behind by a start that was killed.

    A lab that ran before is another's.
    """
    server = launch.server_process(home)
    return server is not None and (started_here(server) or Process.remembered(home.run / MARK) == server)


def _end_all(home: Home, jupyter: list[subprocess.Popen[bytes]], say: Callable[[str], None]) -> None:
    say("Stopping.")
    for child in jupyter:
        _end(child)
    if _ours(home):
        launch.stop(home, say)
    elif launch.server_process(home) is not None:
        say("The lab was started by another command and runs on. To stop it: ecrlab stop")
    for name in (MARK, "jupyter.process", "start.process", "jupyter.json"):
        (home.run / name).unlink(missing_ok=True)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End JupyterLab: asked first, so that it ends its kernels; then its whole session."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(10)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(5)
    if child.stdin is not None:
        with contextlib.suppress(OSError):
            child.stdin.close()


def _jupyter() -> None:
    """JupyterLab's process: load what takes long while the lab starts, then take its environment and begin.

    When the input ends without one, the process that started this is gone, and this one ends too.
    """
    # jsonschema checks the form of IRIs with it where it is there, and nobody asks for that. Its grammar takes as long
    # to compile as all the rest of the server to load.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    from jupyter_server.serverapp import ServerApp
    from jupyterlab.labapp import LabApp

    held = socket.socket(fileno=int(os.environ.pop(HELD)))

    class Server(ServerApp):
        """Answers at the socket that was held for it, where its base looks for a port and opens it later."""

        def _find_http_port(self) -> None:
            pass

        def _bind_http_server_tcp(self) -> bool:
            self.http_server.add_socket(held)
            return True

    LabApp.serverapp_class = Server
    text = sys.stdin.read()
    if not text:
        return
    changed = apply(json.loads(text), os.environ)
    os.environ.clear()
    os.environ.update(changed)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    LabApp.launch_instance(sys.argv[1:])  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    _jupyter()
