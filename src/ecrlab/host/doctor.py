"""Contacts every part of the lab and says what works, what does not, and the one command that fixes it."""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ecrlab.client import LOOKING, LabClient, LabError, LabNotRunning
from ecrlab.engine import Engine, EngineError, find
from ecrlab.engine import private as own
from ecrlab.environment import LOCAL_NAMES, apply, environment, foreign_aws_variables, obeys_endpoint
from ecrlab.home import ACCOUNT, PARTNER_ACCOUNT, Home
from ecrlab.host import podman, relay
from ecrlab.host.launch import server_process
from ecrlab.ports import another, port_is_taken
from ecrlab.trouble import forbidden, plain

State = Literal["ok", "note", "fails", "not tried"]
System = Literal["debian", "fedora", "linux", "wsl", "macos", "windows"]

REACHES = "engine to registry"
_ENOUGH_DISK = 2 * 1024**3
_LITTLE_DISK = 500 * 1024**2


@dataclass(frozen=True)
class Finding:
    """What the doctor saw of one part; ``fix`` is one command, empty when there is nothing to fix."""

    part: str
    state: State
    seen: str
    fix: str = ""


def examine(home: Home, environ: Mapping[str, str] | None = None) -> list[Finding]:
    """Contact each part of the lab of ``home`` and return what was seen, in the order in which to fix it.

    ``environ`` is the environment of the shell that asks. Nothing is started or changed.
    """
    environ = os.environ if environ is None else environ
    lab = apply(environment(home, base=environ), environ)
    findings = [
        Finding("python", "ok", platform.python_version()),
        _bash(lab),
        _disk(home),
        *_shell(home, environ),
        _aws_version(lab),
        *_role_sessions(environ),
    ]
    running = _server(home)
    findings.append(running)
    if running.state == "ok":
        findings += [_registry(home), _api(lab), _aws(lab)]
    else:
        waiting = "the lab is not running"
        findings += [Finding(part, "not tried", waiting) for part in ("registry", "AWS API", "aws command")]
    engine, finding = _engine(home, environ)
    findings.append(finding)
    if engine.kind != "none":
        findings.append(_docker(lab))
        findings.append(
            _engine_reaches_lab(home, engine)
            if running.state == "ok"
            else Finding(REACHES, "not tried", "the lab is not running")
        )
    return findings


def summary(home: Home, findings: list[Finding]) -> str:
    """Return the one line that a learner can send to a teacher; it always ends with "not AWS"."""
    failing = [finding.part for finding in findings if finding.state == "fails"]
    engine = next(
        (finding.seen for finding in findings if finding.part == "engine" and finding.state == "ok"), "no engine"
    )
    # Ready is said only of what was tried: an engine that answers and cannot push is of no use.
    untried = [one.part for one in findings if one.part == REACHES and one.state == "not tried"]
    state = f"fix: {', '.join(failing)}" if failing else f"not tried: {untried[0]}" if untried else "ready"
    free = shutil.disk_usage(_nearest(home.path)).free // 1024**3
    return f"{state} · {engine} · {free} GB free · local, not AWS"


def system() -> System:
    """Return which of the systems that the doctor has commands for this is."""
    if sys.platform == "darwin":
        return "macos"
    if sys.platform == "win32":
        return "windows"
    if "microsoft" in platform.release().lower():
        return "wsl"
    try:
        words = Path("/etc/os-release").read_text(encoding="utf-8").lower()
    except OSError:
        return "linux"
    if "debian" in words or "ubuntu" in words:
        return "debian"
    return "fedora" if "fedora" in words or "rhel" in words else "linux"


def aws_too_old(lab: Mapping[str, str]) -> str | None:
    """Return what to say when the ``aws`` of this environment would call the real AWS, else None.

    ``lab`` is an environment with the lab's variables. A missing ``aws`` is not too old.
    """
    command = shutil.which("aws", path=lab.get("PATH"))
    if command is None:
        return None
    answer = _run([command, "--version"], lab)
    if obeys_endpoint(answer):
        return None
    return (
        f"{command} is {answer.split(' ')[0] or 'of an unknown version'}; before 1.29 and 2.13 it does not obey "
        "AWS_ENDPOINT_URL and would call the real AWS"
    )


def _bash(lab: Mapping[str, str]) -> Finding:
    command = shutil.which("bash", path=lab.get("PATH"))
    if command is not None:
        return Finding("bash", "ok", command)
    fixes = {"windows": "wsl --install", "macos": "brew install bash"}
    return Finding(
        "bash", "fails", "no bash, which the lessons' commands need", fixes.get(system(), "apt-get install bash")
    )


def _disk(home: Home) -> Finding:
    place = _nearest(home.path)
    foreign = home.unusable() if place == home.path else None if os.access(place, os.W_OK) else place
    if foreign is not None:
        seen, _, fix = forbidden(foreign).partition(". To change that: ")
        return Finding("home", "fails", seen, fix)
    free = shutil.disk_usage(place).free
    seen = f"{home.path}, {free / 1024**3:.1f} GB free"
    if free >= _ENOUGH_DISK:
        return Finding("home", "ok", seen)
    fix = "docker system prune" if shutil.which("docker") else f"du -sh {home.path}"
    return Finding("home", "note" if free >= _LITTLE_DISK else "fails", f"{seen}; 2 GB are needed", fix)


def _shell(home: Home, environ: Mapping[str, str]) -> Iterator[Finding]:
    """What in the asking shell could lead a command to the real AWS, or keep it from the lab."""
    take_over = 'eval "$(ecrlab env)"'
    wanted = environment(home, base={})
    foreign = [name for name in foreign_aws_variables(environ) if environ[name] != wanted.get(name)]
    # The profile is the learner's to choose.
    if environ.get("AWS_CONFIG_FILE") == wanted["AWS_CONFIG_FILE"]:
        foreign = [name for name in foreign if name != "AWS_PROFILE"]
    if foreign:
        yield Finding("this shell", "note", f"has {', '.join(foreign)}, not set by this lab", take_over)
    elif environ.get("AWS_ENDPOINT_URL") != wanted["AWS_ENDPOINT_URL"]:
        yield Finding("this shell", "note", "is not set to the lab: aws typed here does not reach it", take_over)
    else:
        yield Finding("this shell", "ok", "set to the lab")
    proxies = [name for name in environ if name.lower() in ("http_proxy", "https_proxy", "all_proxy") and environ[name]]
    excepted = {name.strip() for key in ("NO_PROXY", "no_proxy") for name in environ.get(key, "").split(",")}
    if proxies and not ("*" in excepted or set(LOCAL_NAMES) <= excepted):
        yield Finding(
            "proxy", "note", f"{', '.join(sorted(proxies))} set, and NO_PROXY does not name localhost", take_over
        )


def _aws_version(lab: Mapping[str, str]) -> Finding:
    old = aws_too_old(lab)
    if old is not None:
        return Finding(
            "aws version", "fails", old, "make install" if _in_checkout() else "pip install --upgrade awscli"
        )
    command = shutil.which("aws", path=lab.get("PATH"))
    if command is None:
        fix = "make install" if _in_checkout() else "pip install awscli"
        return Finding("aws version", "fails", "no aws command", fix)
    return Finding("aws version", "ok", _run([command, "--version"], lab).split(" ")[0])


def _role_sessions(environ: Mapping[str, str]) -> Iterator[Finding]:
    """The lab's role sessions that ``aws`` keeps in the home folder.

    A profile with a role_arn makes it do so, at a place that no setting moves (awscli 1.46 and 2.37,
    customizations/assumerole.py: CACHE_DIR). After a reset of the lab such a session is of no use.
    """
    cache = Path(environ.get("HOME") or Path.home(), ".aws", "cli", "cache")
    kept = [path for path in sorted(cache.glob("*.json")) if _is_ours(path)]
    if kept:
        seen = f"aws keeps {len(kept)} of the lab's role sessions in {cache}; it has no setting for a different place"
        yield Finding("role sessions", "note", seen, shlex.join(["rm", *map(str, kept)]))


def _is_ours(path: Path) -> bool:
    """Tell whether a file of aws's cache is a role session of one of the lab's accounts."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        arn = str(kept["AssumedRoleUser"]["Arn"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return arn.startswith(tuple(f"arn:aws:sts::{account}:assumed-role/" for account in (ACCOUNT, PARTNER_ACCOUNT)))


def _server(home: Home) -> Finding:
    try:
        answer = LabClient(home).status()
    except LabNotRunning as error:
        process = server_process(home)
        if process is not None:
            return Finding("server", "fails", f"process {process.pid} does not answer ({error})", "ecrlab start")
        if port_is_taken(home.port):
            seen = f"not running, and port {home.port} is used by another program"
            return Finding("server", "fails", seen, f"ecrlab start --port {another(home.port)}")
        return Finding("server", "fails", "not running", "ecrlab start")
    except LabError as error:
        return Finding("server", "not tried", str(error))
    return Finding(
        "server", "ok", f"version {answer.get('version')} at port {answer.get('port')}, pid {answer.get('pid')}"
    )


def _registry(home: Home) -> Finding:
    url = f"http://localhost:{home.port}/v2/"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.addheaders = [("User-Agent", LOOKING)]
    try:
        with opener.open(url, timeout=5) as answer:
            status, challenge = answer.status, ""
    except urllib.error.HTTPError as error:
        status, challenge = error.code, error.headers.get("WWW-Authenticate", "")
        error.close()
    except OSError as error:
        return Finding("registry", "fails", f"{url} does not answer: {plain(error)}", "ecrlab stop && ecrlab start")
    if status == 401 and challenge:
        return Finding("registry", "ok", f"{url} asks for a login, as it should")
    return Finding(
        "registry", "fails", f"{url} answers {status}, not 401 with a challenge", "ecrlab stop && ecrlab start"
    )


def _api(lab: Mapping[str, str]) -> Finding:
    program = "import botocore.session as s; print(s.Session().create_client('sts').get_caller_identity()['Arn'])"
    return _identity("AWS API", _run([sys.executable, "-I", "-c", program], lab))


def _aws(lab: Mapping[str, str]) -> Finding:
    command = shutil.which("aws", path=lab.get("PATH"))
    if command is None or aws_too_old(lab) is not None:
        return Finding("aws command", "not tried", "see aws version")
    return _identity(
        "aws command", _run([command, "sts", "get-caller-identity", "--query", "Arn", "--output", "text"], lab)
    )


def _identity(part: str, answer: str) -> Finding:
    if answer.startswith(f"arn:aws:iam::{ACCOUNT}:"):
        return Finding(part, "ok", f"answers {answer}")
    last = answer.splitlines()[-1] if answer else "nothing"
    return Finding(part, "fails", f"answers: {last[:200]}", "ecrlab stop && ecrlab start")


def _engine(home: Home, environ: Mapping[str, str]) -> tuple[Engine, Finding]:
    saved = Engine.saved(home)
    if saved is not None and saved.kind != "none":
        try:
            engine = saved.contact()
            return engine, Finding("engine", "ok", f"{engine.title}, {engine.source}")
        except EngineError as error:
            return Engine("none"), Finding("engine", "fails", str(error), "ecrlab start")
    if saved is not None and environ.get("ECRLAB_ENGINE") == "none":
        return saved, Finding("engine", "note", saved.source)
    if saved is not None and saved.fix:
        return saved, Finding("engine", "note", f"{saved.source} The lab's stand-in takes its place.", saved.fix)
    engine = find(home, environ)
    if engine.kind != "none":
        if saved is None:
            return engine, Finding("engine", "ok", f"{engine.title}, {engine.source}")
        return engine, Finding("engine", "note", f"{engine.title} answers, but the lab runs without", "ecrlab start")
    if own.possible() is None and (not own.missing() or own.installable()):
        return engine, Finding("engine", "note", f"{engine.source} The lab can start its own.", "ecrlab start")
    seen = f"{engine.source} The course works without; images are then built by the lab's stand-in."
    return engine, Finding("engine", "note", seen, engine_command(engine.source))


def engine_command(seen: str, where: System | None = None) -> str:
    """Return the one command that brings an engine to this kind of system; ``seen`` is what looking for one gave."""
    where = where or system()
    if "permission denied" in seen.lower():
        return 'sudo usermod -aG docker "$USER" && newgrp docker'
    there = shutil.which("docker") is not None
    return {
        "debian": "sudo systemctl start docker" if there else "sudo apt-get install -y docker.io",
        "wsl": "sudo service docker start"
        if there
        else "sudo apt-get install -y docker.io && sudo service docker start",
        "fedora": "sudo systemctl start docker"
        if there
        else "sudo dnf install -y moby-engine && sudo systemctl enable --now docker",
        "linux": "sudo systemctl start docker" if there else "install Docker with this system's package manager",
        "macos": "open -a Docker || colima start" if there else "brew install colima docker && colima start",
        "windows": "wsl --install",
    }[where]


def _docker(lab: Mapping[str, str]) -> Finding:
    command = shutil.which("docker", path=lab.get("PATH"))
    if command is None:
        return Finding("docker command", "fails", "no docker command", engine_command(""))
    answer = _run([command, "version", "--format", "{{.Client.Version}} speaks to {{.Server.Version}}"], lab)
    if " speaks to " in answer:
        return Finding("docker command", "ok", answer)
    # Without a server docker also complains about our format; its own sentence is the useful one.
    said = [line for line in answer.splitlines() if line.strip() and "template" not in line]
    return Finding("docker command", "fails", f"answers: {(said or ['nothing'])[-1][:200]}", "ecrlab start")


def _engine_reaches_lab(home: Home, engine: Engine) -> Finding:
    """Let the engine push to every registry of the lab, without a login: what counts is that the push arrives.

    The hub's mirror takes no pushes, and docker would try again for most of a minute: it is asked for an image.
    """
    part = REACHES
    known = relay.Relay.saved(home)
    try:
        status = LabClient(home).status()
        ports, mirror = relay.ports(status), status["mirror"]["port"]
        refused = {
            port: said
            for port in ports
            if (said := (relay.reaches if port == mirror else relay.pushes)(home, engine, port)) is not None
        }
    except (relay.Unknown, LabError) as error:
        return Finding(part, "not tried", str(error))
    if not refused and known is not None and known.host:
        # Tried with an engine in a network of its own; on Docker Desktop and Colima themselves nobody has.
        return Finding(part, "ok", f"{known.text} Relays are untested on Docker Desktop itself.")
    if not refused:
        return Finding(part, "ok", f"requests arrive at each of the lab's {len(ports)} registries")
    where = ", ".join(f"localhost:{port}" for port in refused)
    said = next(iter(refused.values()))
    if relay.wants_tls(said):
        file = podman.settings_file(engine)
        fix = podman.RESTART if set(refused) <= podman.named(file) else podman.COMMAND
        return Finding(part, "fails", f"the engine wants TLS from {where}", fix)
    if known is not None and known.host:
        return Finding(
            part, "fails", f"the relay of this lab does not pass a push on to {where}: {said}", "ecrlab start"
        )
    fix = "ecrlab stop && ECRLAB_ENGINE=none ecrlab start"
    return Finding(part, "fails", f"a push by the engine does not arrive at {where} of this machine: {said}", fix)


def _run(command: list[str], environ: Mapping[str, str]) -> str:
    """Return what a command printed, on either stream; "" when it cannot be run or takes over 30 seconds.

    AWS's clients put AWS_EXECUTION_ENV into their user agent: so the learner's X-ray leaves these requests out.
    """
    try:
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**environ, "AWS_EXECUTION_ENV": LOOKING},
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()


def _nearest(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _in_checkout() -> bool:
    return Path("Makefile").exists() and Path("requirements.txt").exists()
