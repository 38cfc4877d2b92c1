"""Starting and stopping the lab of one home: its container engine and its server, both detached.

Whatever was killed, the next start finds what is left, ends or wipes it, and starts afresh.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ecrlab.client import LabClient, LabError
from ecrlab.client.duration import ahead
from ecrlab.engine import Engine, EngineError, find, start_private, stop_private
from ecrlab.engine import private as own
from ecrlab.environment import apply, environment
from ecrlab.home import DEFAULT_PORT, PROFILES, Home, write_private
from ecrlab.host import podman, relay
from ecrlab.ports import stays_taken, taken
from ecrlab.processes import Process, last_lines, spawn, uninterrupted
from ecrlab.trouble import forbidden, full, sentence

Say = Callable[[str], None]
Ask = Callable[[str], bool]

# Long, for a machine on which a whole class starts at the same moment.
START_SECONDS = 60.0
# Below it, SQLite and the log cannot be relied on to say that the disk is full.
_LITTLE_ROOM = 5 * 1024**2
_KEYCHAINS = ("osxkeychain", "secretservice", "pass", "wincred")


class LaunchError(Exception):
    """The lab could not be started; the text says what was seen and what to do."""


@dataclass(frozen=True)
class Running:
    """A lab that runs: ``started`` tells whether this call started its server, or it was running already."""

    home: Home
    port: int
    pid: int
    engine: Engine
    started: bool


@dataclass(frozen=True)
class Status:
    """What `status` saw. ``pid`` and ``port`` are those of the server; ``server`` is its own answer, {} when silent.

    ``relay`` says in a sentence how an engine that cannot reach localhost reaches the lab; empty for the others.
    """

    running: bool
    home: str
    port: int
    pid: int | None
    registry: str
    engine: Engine | None
    engine_answers: bool
    server: dict[str, Any]
    relay: str

    def as_json(self) -> dict[str, Any]:
        """Return the status as JSON types."""
        return asdict(self)

    @property
    def line(self) -> str:
        """The status in one line; it always ends with "not AWS"."""
        engine = (
            self.engine.title if self.engine and (self.engine_answers or self.engine.kind == "none") else "no engine"
        )
        off = "".join(f" · {region} is off" for region in self.server.get("regions_off", ()))
        state = "running" if self.running else "stopped"
        offset = float(self.server.get("clock", {}).get("offset_seconds", 0))
        clock = f" · clock {ahead(offset)} ahead" if offset >= 1 else ""
        return f"ECR Lab · {state} · {self.registry} · {engine}{off}{clock} · local, not AWS"

    @property
    def hub(self) -> str:
        """Where the Docker-Hub-like registry is, in one line; empty while the lab does not run."""
        if not self.running:
            return ""
        address = self.server["hub"]["address"]
        return f"Hub     · {address or 'cannot be reached: its port is taken'} · stands in for Docker Hub, local"


def start(home: Home, progress: Say = lambda line: None, port: int | None = None, ask: Ask | None = None) -> Running:
    """Make the lab of ``home`` run, and return when it answers; does nothing that is done already.

    ``progress`` is told, in whole sentences, about whatever takes time or changes the machine, before it happens.
    ``port`` moves the main port (0: to any that is free); by default it is the remembered one, at the first start the
    first free one from 4510 on. ``ask`` puts a question to the learner before a file outside the home is written
    (Podman's settings); without it nothing of the kind is done. An engine that cannot push to the lab is not used:
    the stand-in goes on in its place, and ``progress`` hears why and what helps.
    Raises LaunchError with the end of the server's log and what to do. Whatever it raises, also KeyboardInterrupt,
    nothing that it started goes on running.
    """
    if any(sign in str(home.path) for sign in ":$"):
        raise LaunchError(f"The home folder's path holds ':' or '$', with which docker or aws cannot work: {home.path}")
    try:
        home.make()
        foreign = home.unusable()
        if foreign is not None:
            raise LaunchError(f"The lab could not be started: {forbidden(foreign)}")
    except OSError as error:
        raise LaunchError(f"The home folder {home.path} cannot be created. {sentence(error, home.path)}") from error
    with _one_at_a_time(home):
        had_engine = own.running_private(home) is not None
        try:
            return _start(home, progress, port, ask)
        except BaseException as error:
            # What this call started it stops; an engine that ran before goes on.
            with uninterrupted():
                if not had_engine and stop_private(home):
                    (home.run / "engine.json").unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise LaunchError(f"The lab could not be started: {sentence(error, home.path)}") from error
            raise


def _start(home: Home, progress: Say, port: int | None, ask: Ask | None) -> Running:
    _prepare_docker_folders(home)
    server = server_process(home)
    if server is not None and _answers(home):
        if port and port != home.port:
            raise LaunchError(f"The lab is already running at port {home.port}. Stop it first: ecrlab stop")
        engine = _connect(home, _settle_engine(home, progress), progress, ask)
        return Running(home, home.port, server.pid, engine, started=False)
    if server is not None:
        progress("The lab's server is there but does not answer; ending it.")
        server.end(3)
    home.control.unlink(missing_ok=True)
    # Before a port is chosen: some virtual machines forward a relay's port back to this machine and so take it.
    relay.remove(home, Engine.saved(home))
    known = home.known_port
    wanted = known if port is None else port
    if wanted and stays_taken(wanted):
        # Never changed silently: addresses that a learner wrote down would lead elsewhere.
        raise LaunchError(taken(wanted, "ecrlab start"))
    # The server needs no engine: both start at the same time.
    server = _spawn_server(home, port)
    try:
        engine = _settle_engine(home, progress)
        _await_server(home, server)
        engine = _connect(home, engine, progress, ask)
    except BaseException:
        with uninterrupted():
            server.kill()
            home.control.unlink(missing_ok=True)
            (home.run / "server.json").unlink(missing_ok=True)
        raise
    if wanted is None and home.port != DEFAULT_PORT:
        progress(f"Port {DEFAULT_PORT} is used by another program; this lab takes {home.port} and keeps it.")
    return Running(home, home.port, server.pid, engine, started=True)


def stop(home: Home, progress: Say = lambda line: None) -> bool:
    """Stop the server and the private engine of ``home``, with everything they left; tell whether anything ran.

    A found engine goes on: the lab did not start it.
    """
    if not home.path.is_dir():
        return False
    home.make()
    with _one_at_a_time(home):
        server = server_process(home)
        if server is not None:
            progress("Stopping the lab.")
            server.end(10)
        home.control.unlink(missing_ok=True)
        (home.run / "server.json").unlink(missing_ok=True)
        relay.remove(home, Engine.saved(home))
        stopped_engine = stop_private(home)
        if stopped_engine:
            progress("Stopped the lab's own container engine.")
        (home.run / "engine.json").unlink(missing_ok=True)
        return server is not None or stopped_engine


def status(home: Home) -> Status:
    """Ask the server and the engine of ``home`` and return what they answer; starts and changes nothing.

    Raises OSError when the home is another user's: that says nothing about whether its lab runs.
    """
    home.look()
    process = server_process(home)
    answer: dict[str, Any] = {}
    if process is not None:
        with contextlib.suppress(LabError):
            answer = LabClient(home).status()
    engine = Engine.saved(home)
    answers = False
    if engine is not None and engine.kind != "none":
        with contextlib.suppress(EngineError):
            engine = engine.contact()
            answers = True
    passed_on = relay.Relay.saved(home) if answer else None
    return Status(
        running=bool(answer),
        home=str(home.path),
        port=home.port,
        pid=process.pid if process else None,
        registry=str(environment(home)["REGISTRY"]),
        engine=engine,
        engine_answers=answers,
        server=answer,
        relay=passed_on.text if passed_on is not None and passed_on.server == answer.get("pid") else "",
    )


def server_process(home: Home) -> Process | None:
    """Return the running server of ``home``, detached or in the foreground of another terminal, or None."""
    detached = Process.remembered(home.run / "server.json")
    if detached is not None:
        return detached
    return _foreground(home)


def begin_here(home: Home) -> None:
    """Write down that this process becomes the server of ``home``, so that `stop`, `status` and `env` find it.

    Raises LaunchError when the lab runs already.
    """
    with _one_at_a_time(home):
        if server_process(home) is not None:
            raise LaunchError(
                f"The lab of {home.path} is already running at port {home.port}. Stop it first: ecrlab stop"
            )
        home.control.unlink(missing_ok=True)
        process = Process.of(os.getpid())
        if process is not None:
            process.remember(home.run / "server.json")


def await_port(home: Home) -> int | None:
    """Return the main port of ``home``; while a server of it is about to begin, wait for the port that it takes.

    None when the lab was never started.
    """
    until = time.monotonic() + START_SECONDS
    while not home.control.exists() and time.monotonic() < until:
        if Process.remembered(home.run / "server.json") is None:
            break
        time.sleep(0.05)
    return home.known_port


@contextlib.contextmanager
def _one_at_a_time(home: Home) -> Iterator[None]:
    """Two starts of one home at the same time take turns; the lock goes with the process that holds it."""
    with (home.run / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _settle_engine(home: Home, say: Say) -> Engine:
    wish = os.environ.get("ECRLAB_ENGINE", "")
    if wish not in ("", "none", "private"):
        raise LaunchError(f"ECRLAB_ENGINE is {wish!r}; it may be 'none', 'private', or unset to look for an engine.")
    if wish == "none":
        stop_private(home)
        engine = Engine("none", source="ECRLAB_ENGINE=none asks for none.")
    else:
        engine = own.running_private(home) or (Engine("none") if wish else _found_before(home) or find(home))
        if engine.kind == "none":
            engine = _own_engine(home, engine, wish, say)
    return _adopt(home, engine, say)


def _adopt(home: Home, engine: Engine, say: Say) -> Engine:
    """Make this the lab's engine: remember it, put the stand-in into place where there is none, make the base image."""
    engine.save(home)
    if engine.kind == "none":
        from ecrlab import standin

        standin.install(home.run / "standin" / "bin")
        more = f" To change that: {engine.fix}" if engine.fix else ""
        say(f"Going on without a container engine: {engine.source}{more}")
    _ensure_base_image(engine, home, say)
    return engine


def _connect(home: Home, engine: Engine, say: Say, ask: Ask | None) -> Engine:
    """Let the engine reach the running lab; return it, or the stand-in for one that certainly cannot push to it."""
    way = relay.ensure(home, engine, say)
    trouble, fix = (way.trouble, way.fix) if way is not None and way.cut_off else ("", "")
    if not trouble and engine.kind == "found" and engine.is_podman:
        trouble, fix = podman.ensure(home, engine, say, ask)
    if not trouble:
        return engine
    return _adopt(home, Engine("none", source=f"{engine.title} cannot push to the lab. {trouble}", fix=fix), say)


def at_terminal() -> Ask | None:
    """Return what puts a yes-or-no question to the learner, or None where nobody sits at a terminal."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout.isatty()):
        return None

    def ask(question: str) -> bool:
        with contextlib.suppress(EOFError):
            return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
        return False

    return ask


def _found_before(home: Home) -> Engine | None:
    """The engine found by the start that this lab still runs on, if it answers and DOCKER_HOST names no other.

    A notebook's kernel may lack the DOCKER_HOST of the terminal that started the lab; it must not choose another one.
    """
    saved = Engine.saved(home)
    if saved is None or saved.kind != "found" or os.environ.get("DOCKER_HOST", saved.host) != saved.host:
        return None
    with contextlib.suppress(EngineError):
        return saved.contact()
    return None


def _own_engine(home: Home, nothing: Engine, wish: str, say: Say) -> Engine:
    """Start a private engine, installing docker.io where allowed; ``nothing`` says why no other engine was found."""
    reason = own.possible()
    try:
        if reason is not None:
            raise EngineError(reason)
        if own.missing() and own.installable():
            own.install(say)
            # On a machine with a service manager the package has just started an engine for everybody.
            installed = find(home) if not wish else nothing
            if installed.kind != "none":
                return installed
        return start_private(home, say)
    except EngineError as error:
        if wish:
            raise LaunchError(f"ECRLAB_ENGINE=private, but no engine can be started. {error}") from error
        return Engine("none", source=f"{nothing.source} {error}")


def _ensure_base_image(engine: Engine, home: Home, say: Say) -> None:
    from ecrlab.engine import base_image

    try:
        base_image.ensure(engine, home, say)
    except EngineError as error:
        say(f"The base image of the lessons could not be built: {error}")


def _spawn_server(home: Home, port: int | None) -> Process:
    """Start the server: it chooses the port, at the first start, and holds it from that moment on."""
    command = [sys.executable, "-E", "-P", "-m", "ecrlab.server", "--home", str(home.path)]
    command += [] if port is None else ["--port", str(port)]
    environ = apply({name: None for name in os.environ if name.startswith("AWS_")})
    return spawn(command, home.run / "server.log", environ, home.path, home.run / "server.json")


def _await_server(home: Home, process: Process) -> None:
    log = home.run / "server.log"
    until = time.monotonic() + START_SECONDS
    while process.alive() and time.monotonic() < until:
        if home.read_control().get("pid") == process.pid and _answers(home):
            return
        time.sleep(0.05)
    said = last_lines(log)
    text = "\n".join(said)
    if "No space left" in text or "no room left" in text or shutil.disk_usage(home.path).free < _LITTLE_ROOM:
        raise LaunchError(f"The lab could not be started: {full(home.path)}")
    if said and "cannot be used: " in said[-1]:
        raise LaunchError(f"The lab could not be started: {said[-1]}")
    if process.alive():
        what = f"The lab's server did not answer within {START_SECONDS:.0f} seconds."
    else:
        what = "The lab's server ended while it started."
    lines = [what, f"The end of its log {log}:", *(f"  {line}" for line in said or ["(it is empty)"])]
    lines.append(f"What to do: {_advice(text)}")
    raise LaunchError("\n".join(lines))


def _advice(text: str) -> str:
    if "No module named" in text:
        return "the installation is not complete; run `make install`, then start again."
    if "is in use by another program" in text:
        return "another program took the port; start again, or choose one with `ecrlab start --port N`."
    return "run `ecrlab doctor`; if it finds nothing, start again."


def _answers(home: Home) -> bool:
    with contextlib.suppress(LabError):
        return bool(LabClient(home).status())
    return False


def _foreground(home: Home) -> Process | None:
    """A server that runs in a terminal of its own wrote its process id into the control file only."""
    control = home.read_control()
    pid = control.get("pid")
    if not isinstance(pid, int) or not _answers(home):
        return None
    return Process.of(pid)


def _prepare_docker_folders(home: Home) -> None:
    """Make the docker folder of each profile, with the settings that keep logins apart and plugins in reach.

    With an empty configuration docker puts logins into the machine's keychain if its helper is installed (tried with
    28.2), where two profiles at one registry would overwrite each other. An entry in ``auths`` stops that.
    """
    settings: dict[str, Any] = {}
    if any(shutil.which(f"docker-credential-{name}") for name in _KEYCHAINS):
        settings["auths"] = {"keeps-logins-out-of-the-keychain.invalid": {}}
    plugins = Path.home() / ".docker" / "cli-plugins"
    if plugins.is_dir():
        settings["cliPluginsExtraDirs"] = [str(plugins)]
    for profile in PROFILES:
        folder = home.docker_config(profile)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if settings and not (folder / "config.json").exists():
            write_private(folder / "config.json", json.dumps(settings, indent=2) + "\n")
