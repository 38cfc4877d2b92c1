"""The `docker` of a machine without a container engine: its command line.

Flags are read here and not by argparse: docker's own texts for a wrong flag or a wrong number of arguments are
part of what the course shows, flags may stand before and after arguments, and a command starts in a few milliseconds.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecrlab.standin.errors import NEEDS_ENGINE, DockerError, from_daemon, needs_engine
from ecrlab.standin.images import Images, NoSuchImageError, chain_ids
from ecrlab.standin.names import NameFormatError, parse, short, shown

VERSION = "0.1"
WHAT = "ECR Lab's stand-in for docker: no engine here"


@dataclass(frozen=True)
class Flag:
    """A flag of a command: `name` long, `short` one letter or empty; `value` whether a value follows."""

    name: str
    short: str = ""
    value: bool = False


@dataclass
class Call:
    """One call of a command: its flags' values (repeated flags in order) and its arguments."""

    flags: dict[str, list[str]] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)

    def on(self, name: str) -> bool:
        """Return whether a flag without a value was given (and not as `=false`)."""
        return name in self.flags and self.flags[name][-1] != "false"

    def text(self, name: str, default: str = "") -> str:
        """Return the last value of a flag."""
        return self.flags.get(name, [default])[-1]

    def texts(self, name: str) -> list[str]:
        """Return all values of a flag."""
        return self.flags.get(name, [])


@dataclass(frozen=True)
class Command:
    """A command: how it is called, how many arguments it takes, and what it does."""

    usage: str
    least: int
    most: int | None
    flags: tuple[Flag, ...]
    run: Callable[[Call], int | None]


def out(text: str) -> None:
    """Print a line at once, so that it keeps its place among the lines of standard error."""
    print(text, flush=True)


def err(text: str) -> None:
    """Print a line on standard error."""
    print(text, file=sys.stderr, flush=True)


def home() -> Path:
    """Return the folder of the lab. Raises DockerError when nothing says which lab is meant."""
    given = os.environ.get("ECRLAB_HOME")
    if given:
        return Path(given).expanduser().absolute()
    from ecrlab.home import Home

    found = Home.find().path
    if not found.is_dir():
        raise DockerError(
            "ECR Lab's stand-in for docker does not know which lab's images and logins are meant: ECRLAB_HOME is not "
            f"set, and there is no folder .ecrlab in {found.parent} or above it. In the course's folder, run "
            'eval "$(ecrlab env)" first.',
            NEEDS_ENGINE,
        )
    return found


def store() -> Images:
    """Return the images of this lab."""
    return Images(home() / "standin")


_config_folder: list[str] = []


def logins() -> Any:
    """Return the logins of the docker config in use; without DOCKER_CONFIG they lie in the lab, never in ~/.docker."""
    from ecrlab.standin.logins import Logins

    folder = (_config_folder or [os.environ.get("DOCKER_CONFIG", "")])[-1]
    return Logins(Path(folder) if folder else home() / "standin" / "config")


def name_of(text: str) -> Any:
    """Return a name with its default tag. Raises DockerError with docker's text."""
    try:
        return parse(text).tagged()
    except NameFormatError as error:
        raise DockerError(str(error)) from error


# what the program is


def version(call: Call) -> None:
    import platform

    os_arch = f"{sys.platform}/{platform.machine()}"
    if call.text("format"):
        from ecrlab.standin.show import printer

        client = {
            "Version": VERSION,
            "Platform": {"Name": WHAT},
            "Os": sys.platform,
            "Arch": platform.machine(),
            "Context": "default",
        }
        out(printer(call.text("format"))({"Client": client, "Server": None}))
        return
    out(f"Client: {WHAT}\n Version:           {VERSION}\n OS/Arch:           {os_arch}\n Context:           default\n")
    out("Server: none. Images are built, pushed and pulled; containers need an engine ('ecrlab doctor').")


def info(call: Call) -> None:
    images = store()
    if call.text("format"):
        from ecrlab.standin.show import printer

        document = {
            "Images": len(images.images()),
            "Containers": 0,
            "ServerVersion": "",
            "Name": WHAT,
            "DockerRootDir": str(images.root),
        }
        out(printer(call.text("format"))(document))
        return
    out(f"Client: {WHAT}\n Version:    {VERSION}\n Context:    default\n Debug Mode: false\n\nServer: none")
    out(
        f" Images: {len(images.images())}\n Storage: OCI image layout in {images.root}\n"
        " Insecure Registries:\n  127.0.0.0/8"
    )


# logging in


def login(call: Call) -> None:
    from ecrlab.standin.logins import HUB_KEY, server_key
    from ecrlab.standin.registry import NotLoggedInError, RefusedError, Registry, UnreachableError

    user, password = call.text("username"), call.text("password")
    if call.on("password-stdin"):
        if "password" in call.flags:
            raise DockerError("conflicting options: cannot specify both --password and --password-stdin")
        if "username" not in call.flags:
            raise DockerError("the --password-stdin option requires --username to be set")
        password = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    elif "password" in call.flags:
        err("WARNING! Using --password via the CLI is insecure. Use --password-stdin.")
    host = server_key(call.arguments[0] if call.arguments else "")
    if host == HUB_KEY:
        host = "registry-1.docker.io"
    kept = logins()
    if not user and not password and (existing := kept.get(host)):
        user, password = existing
        err(f"Authenticating with existing credentials... [Username: {user}]\n")
        err(" Info -> To login with a different account, run 'docker logout' followed by 'docker login'\n\n")
    if sys.stdin.isatty() and not call.on("password-stdin"):
        import getpass

        user = user or input("Username: ").strip()
        password = password or getpass.getpass("Password: ")
    if not user or not password:
        raise DockerError("Error: Cannot perform an interactive login from a non TTY device")
    registry = Registry(host, (user, password))
    url = registry.url("/v2/")
    try:
        registry.ping()
        answer = registry.send("GET", url)
    except (UnreachableError, NotLoggedInError) as error:
        raise from_daemon(str(error)) from error
    except RefusedError as error:
        raise from_daemon(f'Get "{url}": {error.text}') from error
    if answer.status != 200:
        raise from_daemon(f"login attempt to {url} failed with status: {answer.status} {answer.reason}")
    if kept.put(host, user, password):
        err(
            f"\nWARNING! Your credentials are stored unencrypted in '{kept.path}'.\n"
            "Configure a credential helper to remove "
            "this warning. See\nhttps://docs.docker.com/go/credential-store/\n"
        )
    out("Login Succeeded")


def logout(call: Call) -> None:
    from ecrlab.standin.logins import server_key

    host = server_key(call.arguments[0] if call.arguments else "")
    out(f"Removing login credentials for {host}")
    logins().remove(host)


# images


def build(call: Call) -> None:
    from ecrlab.standin import build as building
    from ecrlab.standin import transfer

    where = call.arguments[0]
    if "://" in where or where.startswith("git@"):
        raise DockerError(f"{where}: ECR Lab's stand-in for docker builds only from a folder on this computer")
    tags = []
    for text in call.texts("tag"):
        try:
            tags.append(parse(text).tagged())
        except NameFormatError as error:
            raise UsageError(f'invalid argument "{text}" for "-t, --tag" flag: {error}') from error
    context = None if where == "-" else Path(where)
    if context is not None and not context.is_dir():
        raise DockerError(f'unable to prepare context: path "{where}" not found')
    file = call.text("file", "-" if context is None else "Dockerfile")
    if context is not None and "file" not in call.flags:
        text = building.read_dockerfile(context, str(context / file))
    else:
        text = building.read_dockerfile(context, file)
    images, kept = store(), logins()
    wanted = building.read_platform(call.text("platform")) if call.text("platform") else None

    def fetch(name: Any) -> None:
        transfer.pull(images, kept, name, platform=wanted or building.host_platform(), quiet=call.on("quiet"), say=out)

    order = building.Order(
        context=context,
        dockerfile=text,
        dockerfile_name=Path(file).name,
        tags=tags,
        args={
            name: value if equals else os.environ.get(name) for name, equals, value in _pairs(call.texts("build-arg"))
        },
        labels={name: value for name, _, value in _pairs(call.texts("label"))},
        platform=wanted,
        target=call.text("target").lower(),
        quiet=call.on("quiet"),
    )
    id_ = building.build(images, order, fetch, out)
    if call.on("quiet"):
        out(id_)
    if call.text("iidfile"):
        Path(call.text("iidfile")).write_text(id_, encoding="utf-8")


def _pairs(texts: list[str]) -> list[tuple[str, str, str]]:
    return [text.partition("=") for text in texts]


def tag(call: Call) -> None:
    source, target = call.arguments
    try:
        name = parse(target).tagged()
        parse(source)
    except NameFormatError as error:
        raise DockerError(f'Error parsing reference: "{target}" is not a valid repository/tag: {error}') from error
    if name.digest:
        raise DockerError("refusing to create a tag with a digest reference")
    images = store()
    image = _found(images, source)
    import time

    with images.change() as state:
        if image.id not in state["images"]:
            raise from_daemon(f"No such image: {source}")
        state["tags"][name.key] = image.id
        state["images"][image.id]["tagged"] = time.time()


def _found(images: Images, text: str) -> Any:
    try:
        return images.find(text)
    except NoSuchImageError as error:
        raise from_daemon(f"No such image: {error}") from error


def push(call: Call) -> None:
    from ecrlab.standin import transfer

    text = call.arguments[0]
    try:
        name = parse(text)
    except NameFormatError as error:
        raise DockerError(str(error)) from error
    if call.on("all-tags"):
        if name.tag or name.digest:
            raise DockerError("tag can't be used with --all-tags/-a")
    else:
        if not name.tag and not name.digest and not call.on("quiet"):
            out("Using default tag: latest")
        name = name.tagged()
    if name.digest:
        raise DockerError("cannot push a digest reference")
    transfer.push(store(), logins(), name, all_tags=call.on("all-tags"), quiet=call.on("quiet"), say=out)


def pull(call: Call) -> None:
    from ecrlab.standin import build as building
    from ecrlab.standin import transfer

    text = call.arguments[0]
    name = name_of(text)
    if not call.on("quiet") and not parse(text).tag and not parse(text).digest:
        out("Using default tag: latest")
    platform = building.read_platform(call.text("platform")) if call.text("platform") else building.host_platform()
    transfer.pull(store(), logins(), name, platform=platform, quiet=call.on("quiet"), say=out)


def images(call: Call) -> None:
    from ecrlab.standin import show

    filters: dict[str, list[str]] = {}
    for text in call.texts("filter"):
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(
                f'invalid argument "{text}" for "-f, --filter" flag: bad format of filter (expected name=value)'
            )
        if key not in ("dangling", "reference"):
            raise from_daemon(f"ECR Lab's stand-in for docker knows the filters dangling and reference, not '{key}'")
        filters.setdefault(key, []).append(value)
    rows = show.image_rows(store().images(), call.arguments[0] if call.arguments else "", filters)
    if not call.on("no-trunc"):
        for row in rows:
            row["ID"] = short(row["ID"])
    if call.on("quiet"):
        for id_ in dict.fromkeys(row["ID"] for row in rows):
            out(id_)
    elif call.text("format"):
        for line in show.formatted(rows, call.text("format"), "imageContext"):
            out(line)
    else:
        out(show.images_table(rows, digests=call.on("digests")))


def inspect_image(call: Call) -> int:
    return _inspect(call, "Error response from daemon: no such image: {0}: No such image: {1}")


def inspect(call: Call) -> int:
    if call.text("type", "image") != "image":
        raise needs_engine(f"docker inspect --type {call.text('type')}")
    return _inspect(call, "Error: No such object: {0}")


def _inspect(call: Call, missing: str) -> int:
    import json

    from ecrlab.standin import show
    from ecrlab.standin.template import TemplateError

    template = call.text("format")
    kept = store()
    documents, problems = [], []
    for text in call.arguments:
        try:
            documents.append(show.inspected(kept.find(text)))
        except NoSuchImageError as error:
            problems.append(missing.format(text, error))
    if not template:
        out(json.dumps([show.printed(item) for item in documents], indent=4, ensure_ascii=False) if documents else "[]")
    else:
        try:
            lines = [show.printer(template)(document) for document in documents]
        except TemplateError as error:
            if "executing" in str(error):
                out("")
            raise DockerError(str(error), 1 if "executing" in str(error) else 64) from error
        for line in lines or [""]:
            out(line)
    for problem in problems:
        err(problem)
    return 1 if problems else 0


def history(call: Call) -> None:
    from ecrlab.standin import show

    whole = call.on("no-trunc")
    rows = show.history_rows(_found(store(), call.arguments[0]), whole=whole)
    if call.on("quiet"):
        for row in rows:
            out(row["ID"])
    elif call.text("format"):
        for line in show.formatted(rows, call.text("format"), "historyContext"):
            out(line)
    else:
        out(show.history_table(rows))


def rmi(call: Call) -> int:
    images = store()
    failed = 0
    for text in call.arguments:
        try:
            for line in _remove(images, text, call.on("force")):
                out(line)
        except DockerError as failure:
            err(failure.text)
            # Docker counts a missing image as removed when it was told to force.
            failed |= not (call.on("force") and "No such image" in failure.text)
    images.sweep()
    return int(failed)


def _remove(images: Images, text: str, force: bool) -> list[str]:
    image = _found(images, text)
    by_id = bool(set(text.removeprefix("sha256:")) <= set("0123456789abcdef")) and image.id.partition(":")[
        2
    ].startswith(text.removeprefix("sha256:"))
    lines = []
    others = [other for other in images.images() if other.id != image.id]
    repositories = {key.rpartition(":")[0] for key in image.tags} | {key.partition("@")[0] for key in image.digests}
    if by_id and len(repositories) > 1 and not force:
        why = "image is referenced in multiple repositories"
        raise from_daemon(f"conflict: unable to delete {short(image.id)} (must be forced) - {why}")
    with images.change() as state:
        if by_id:
            gone_tags, gone_digests = list(image.tags), list(image.digests)
        else:
            key = parse(text).tagged().key
            repository = key.partition("@")[0] if "@" in key else key.rpartition(":")[0]
            gone_tags = [key] if key in image.tags else []
            left = [other for other in image.tags if other not in gone_tags]
            gone_digests = [] if gone_tags else [key]
            if gone_tags and not any(other.rpartition(":")[0] == repository for other in left):
                gone_digests = [name for name in image.digests if name.partition("@")[0] == repository]
        for name in gone_tags:
            state["tags"].pop(name, None)
            lines.append(f"Untagged: {shown(name)}")
        for name in gone_digests:
            state["digests"].pop(name, None)
            lines.append(f"Untagged: {shown(name)}")
        if image.id not in state["tags"].values() and image.id not in state["digests"].values():
            state["images"].pop(image.id, None)
            needed = {id_ for other in others for id_ in chain_ids(other.diff_ids)}
            lines.append(f"Deleted: {image.id}")
            lines += [f"Deleted: {id_}" for id_ in reversed(chain_ids(image.diff_ids)) if id_ not in needed]
    return lines


def prune(call: Call) -> None:
    images = store()
    before = sum(file.stat().st_size for file in images.blobs.iterdir())
    lines = []
    for image in images.images():
        if not image.tags and (call.on("all") or not image.digests):
            lines += _remove(images, image.id, True)
    images.sweep()
    from ecrlab.standin.build import human

    if lines:
        out("Deleted Images:")
        for line in lines:
            out(line[0].lower() + line[1:])
        out("")
    out(f"Total reclaimed space: {human(max(0, before - sum(f.stat().st_size for f in images.blobs.iterdir())))}")


def commit(call: Call) -> None:
    """Answer as docker does where there is no such container: the stand-in has none."""
    raise from_daemon(f"No such container: {call.arguments[0]}")


def save(call: Call) -> None:
    from ecrlab.standin import archive

    images = store()
    for text in call.arguments:
        try:
            images.find(text)
        except NoSuchImageError as error:
            raise from_daemon(f"No such image: {text}") from error
    target = call.text("output")
    if target:
        temporary = Path(f"{target}.{os.getpid()}.part")
        try:
            with open(temporary, "wb") as file:
                archive.save(images, call.arguments, file)
            os.replace(temporary, target)
        except OSError as error:
            raise DockerError(f"invalid output path {target}: {error.strerror or error}") from error
        finally:
            temporary.unlink(missing_ok=True)
    elif sys.stdout.isatty():
        raise DockerError("cowardly refusing to save to a terminal. Use the -o flag or redirect")
    else:
        archive.save(images, call.arguments, sys.stdout.buffer)


def load(call: Call) -> None:
    from ecrlab.standin import archive

    name = call.text("input")
    if not name:
        if sys.stdin.isatty():
            raise DockerError("requested load from stdin, but stdin is empty")
        lines = archive.load(store(), sys.stdin.buffer)
    else:
        try:
            with open(name, "rb") as file:
                lines = archive.load(store(), file)
        except FileNotFoundError as error:
            raise DockerError(f"open {name}: no such file or directory") from error
    for line in lines:
        out(line)


# reading the command line


class UsageError(Exception):
    """A flag that is wrong: the usage line follows, and the exit code is 125."""


_HELP = Flag("help", "h")
_QUIET = Flag("quiet", "q")
_FORMAT = Flag("format", "f", True)
_NO_TRUNC = Flag("no-trunc")
_TRUST = Flag("disable-content-trust")
_PLATFORM = Flag("platform", "", True)

# Flags that change nothing here, because there is neither a cache nor a container nor an attestation.
_BUILD_IGNORED = (
    *(Flag(name) for name in ("no-cache", "pull", "rm", "force-rm", "load", "compress", "squash")),
    *(Flag(name, "", True) for name in ("progress", "provenance", "sbom", "network")),
)

_IMAGES = Command(
    "[OPTIONS] [REPOSITORY[:TAG]]",
    0,
    1,
    (_QUIET, Flag("all", "a"), Flag("digests"), _NO_TRUNC, Flag("format", "", True), Flag("filter", "f", True)),
    images,
)
_RMI = Command("[OPTIONS] IMAGE [IMAGE...]", 1, None, (Flag("force", "f"), Flag("no-prune")), rmi)

COMMANDS: dict[str, Command] = {
    "version": Command("[OPTIONS]", 0, 0, (_FORMAT,), version),
    "info": Command("[OPTIONS]", 0, 0, (_FORMAT,), info),
    "login": Command(
        "[OPTIONS] [SERVER]",
        0,
        1,
        (Flag("username", "u", True), Flag("password", "p", True), Flag("password-stdin")),
        login,
    ),
    "logout": Command("[SERVER]", 0, 1, (), logout),
    "build": Command(
        "[OPTIONS] PATH | URL | -",
        1,
        1,
        (
            _QUIET,
            Flag("tag", "t", True),
            Flag("file", "f", True),
            _PLATFORM,
            Flag("build-arg", "", True),
            Flag("label", "", True),
            Flag("target", "", True),
            Flag("iidfile", "", True),
            _TRUST,
            *_BUILD_IGNORED,
        ),
        build,
    ),
    "tag": Command("SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", 2, 2, (), tag),
    "push": Command("[OPTIONS] NAME[:TAG]", 1, 1, (_QUIET, Flag("all-tags", "a"), _TRUST), push),
    "pull": Command("[OPTIONS] NAME[:TAG|@DIGEST]", 1, 1, (_QUIET, _PLATFORM, _TRUST), pull),
    "images": _IMAGES,
    "inspect": Command(
        "[OPTIONS] NAME|ID [NAME|ID...]", 1, None, (_FORMAT, Flag("size", "s"), Flag("type", "", True)), inspect
    ),
    "history": Command(
        "[OPTIONS] IMAGE", 1, 1, (_QUIET, _NO_TRUNC, Flag("human", "H"), Flag("format", "", True), _PLATFORM), history
    ),
    "rmi": _RMI,
    "commit": Command(
        "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
        1,
        2,
        (Flag("author", "a", True), Flag("change", "c", True), Flag("message", "m", True), Flag("pause", "p")),
        commit,
    ),
    "save": Command("[OPTIONS] IMAGE [IMAGE...]", 1, None, (Flag("output", "o", True), _PLATFORM), save),
    "load": Command("[OPTIONS]", 0, 0, (Flag("input", "i", True), _QUIET, _PLATFORM), load),
}
COMMANDS.update(
    {f"image {name}": COMMANDS[name] for name in ("build", "push", "pull", "tag", "history", "save", "load")}
)
COMMANDS.update(
    {
        "image ls": _IMAGES,
        "image list": _IMAGES,
        "image rm": _RMI,
        "image inspect": Command("[OPTIONS] IMAGE [IMAGE...]", 1, None, (_FORMAT, _PLATFORM), inspect_image),
        "image prune": Command("[OPTIONS]", 0, 0, (Flag("all", "a"), Flag("force", "f")), prune),
    }
)

# Commands of docker's that start, change or look at containers, or that belong to an engine.
_CONTAINERS = """
    run exec ps stats diff compose attach cp create events export import kill logs pause port rename
    restart rm start stop top unpause update wait container network volume system builder buildx context
    plugin swarm service stack node secret config trust manifest search checkpoint
"""
ENGINE_ONLY = frozenset(_CONTAINERS.split())

GLOBAL = (
    _HELP,
    Flag("version", "v"),
    Flag("config", "", True),
    Flag("context", "c", True),
    Flag("host", "H", True),
    Flag("debug", "D"),
    Flag("log-level", "l", True),
)


def read_flags(flags: tuple[Flag, ...], arguments: list[str], *, stop_at_word: bool = False) -> Call:
    """Return flags and arguments of a command line. Raises UsageError with docker's text."""
    by_name = {flag.name: flag for flag in (*flags, _HELP)}
    by_letter = {flag.short: flag for flag in (*flags, _HELP) if flag.short}
    call, rest = Call(), list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            call.arguments += rest
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name not in by_name:
                raise UsageError(f"unknown flag: --{name}")
            if by_name[name].value and not equals:
                if not rest:
                    raise UsageError(f"flag needs an argument: --{name}")
                value = rest.pop(0)
            call.flags.setdefault(name, []).append(value if by_name[name].value or equals else "true")
        elif word.startswith("-") and len(word) > 1:
            letters = word[1:]
            while letters:
                letter, letters = letters[0], letters[1:]
                if letter not in by_letter:
                    raise UsageError(f"unknown shorthand flag: '{letter}' in {word}")
                flag = by_letter[letter]
                if not flag.value:
                    call.flags.setdefault(flag.name, []).append("true")
                    continue
                value = letters.removeprefix("=")
                letters = ""
                if not value:
                    if not rest:
                        raise UsageError(f"flag needs an argument: '{letter}' in {word}")
                    value = rest.pop(0)
                call.flags.setdefault(flag.name, []).append(value)
        elif stop_at_word:
            call.arguments = [word, *rest]
            break
        else:
            call.arguments.append(word)
    return call


def _count_text(command: Command) -> str:
    least, most = command.least, command.most
    if least == most:
        return f"requires {least} argument{'s' * (least != 1)}" if least else "accepts no arguments"
    if most is None:
        return f"requires at least {least} argument{'s' * (least != 1)}"
    return f"requires at most {most} argument{'s' * (most != 1)}"


def run(arguments: list[str]) -> int:
    """Carry out one command line and return the exit code."""
    try:
        top = read_flags(GLOBAL, arguments, stop_at_word=True)
    except UsageError as error:
        err(f"{error}\n\nUsage:  docker [OPTIONS] COMMAND\n\nRun 'docker --help' for more information")
        return NEEDS_ENGINE
    _config_folder[:] = top.texts("config")
    if top.on("version"):
        out(f"{WHAT}, version {VERSION}")
        return 0
    words = top.arguments
    if not words or words[0] == "help":
        out(help_text())
        return 0
    name = words[0]
    if name == "image" and len(words) > 1:
        name = f"image {words[1]}"
    if name == "image":
        out(help_text("image "))
        return 0
    if name not in COMMANDS:
        if words[0] in ENGINE_ONLY or name == "image import":
            raise needs_engine(f"docker {name}")
        err(f"docker: unknown command: docker {name}\n\nRun 'docker --help' for more information")
        return 1
    command, rest = COMMANDS[name], words[len(name.split()) :]
    usage = f"Usage:  docker {name} {command.usage}"
    more = f"Run 'docker {name} --help' for more information"
    try:
        call = read_flags(command.flags, rest)
        if call.on("help"):
            lines = [f"  {'-' + flag.short + ',' if flag.short else '   '} --{flag.name}" for flag in command.flags]
            out("\n".join([usage, "", f"({WHAT})", *(["", "Options:", *lines] if lines else [])]))
            return 0
        count = len(call.arguments)
        if count < command.least or (command.most is not None and count > command.most):
            err(f"docker: 'docker {name}' {_count_text(command)}\n\n{usage}\n\n{more}")
            return 1
        return command.run(call) or 0
    except UsageError as error:
        known = (
            "" if "unknown" not in str(error) else " (ECR Lab's stand-in for docker knows only some of docker's flags)"
        )
        err(f"{error}{known}\n\n{usage}\n\n{more}")
        return NEEDS_ENGINE


def help_text(prefix: str = "") -> str:
    """Return what the stand-in can do, in the form of docker's help."""
    names = sorted(
        name.removeprefix(prefix) for name in COMMANDS if name.startswith(prefix) and (prefix or " " not in name)
    )
    lines = "\n".join(f"  {name}" for name in [*names, *([] if prefix else ["image"])])
    return (
        f"Usage:  docker {prefix}COMMAND\n\n{WHAT}\n\nCommands:\n{lines}\n\n"
        "Everything about containers (run, exec, ps, ...) needs an engine: 'ecrlab doctor' says how to get one."
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the stand-in and return its exit code; nothing but docker's kind of text reaches the user."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        return run(sys.argv[1:] if arguments is None else arguments)
    except DockerError as failure:
        err(failure.text)
        return failure.code
    except NoSuchImageError as error:
        err(f"Error response from daemon: No such image: {error}")
        return 1
    except ValueError as error:
        if type(error).__name__ != "TemplateError":
            raise
        err(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone (docker push | head -1): end as a program that got SIGPIPE.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except OSError as error:
        from ecrlab.trouble import sentence

        err(f"ECR Lab's stand-in for docker cannot go on: {sentence(error)}")
        return 1
