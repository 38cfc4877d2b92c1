"""`aws`, `python` and the stand-in's `docker` for the tries: the real ones, forked from processes that imported them.

A try runs a dozen commands, and most of what each costs is its start: 0.4 s of an `aws`, 0.3 s of a `python` that
imports boto3, 0.06 s of a `docker`. `tests/clients`, `tests/standin` and the notebooks start them as a learner does.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import os
import pkgutil
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

SENDMSG = {"x86_64": 46, "aarch64": 211}.get(platform.machine()) if sys.platform == "linux" else None
"""The number of sendmsg(2), which perl has no function for."""
PERL = """#!{program}
open(my $here, '<', '.') or die "the working folder: $!";
socket(DOOR, 1, 1, 0) && connect(DOOR, pack('S a108', 1, '{door}')) or die "{door}: $!";
my $call = join("\\0", scalar(@ARGV), @ARGV, map {{ "$_=$ENV{{$_}}" }} keys %ENV);
my $length = pack('N', length $call);
my $part = pack('P Q', $length, 4);
my $streams = pack('Q l l l l l l', 32, 1, 1, 0, 1, 2, fileno($here));
my $message = pack('Q L x4 P Q P Q l x4', 0, 0, $part, 1, $streams, 32, 0);
syscall({sendmsg}, fileno(DOOR), $message, 0) == 4 or die "{door}: $!";
for (my $sent = 0; $sent < length $call;) {{ $sent += syswrite(DOOR, $call, 65536, $sent) // die "{door}: $!" }}
sysread(DOOR, my $code, 1) or die "it ended without an exit code";
exit ord $code;
"""
"""What stands in the place of a command: it hands over input, output, folder, arguments and variables.

Perl starts in 1.5 ms where Python takes 10. The header is that of a 64-bit Linux (sendmsg(2), cmsg(3)).
"""
PYTHON = """#!{program} -IS
import _socket, os, sys
from array import array
door = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
door.connect("{door}")
arguments = [os.fsencode(each) for each in sys.argv[1:]]
environ = [name + b"=" + value for name, value in os.environb.items()]
call = b"\\0".join([b"%d" % len(arguments), *arguments, *environ])
streams = array("i", [0, 1, 2, os.open(".", os.O_RDONLY)])
door.sendmsg([len(call).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
door.sendall(call)
code = door.recv(1)
sys.exit(code[0] if code else "it ended without an exit code")
"""
"""The same where there is no perl, or no number for it."""
COMMANDS = ("aws", "docker", "python")


@contextlib.contextmanager
def quick_commands(folder: Path) -> Iterator[Callable[[], None]]:
    """Put them into a folder that comes first in PATH; end their processes afterwards.

    Yields what puts them there again: a start of the lab lays its own docker in their place, and says nothing.
    """
    # The path of a socket may have about a hundred characters.
    place = Path(tempfile.mkdtemp(prefix="ecrlab-try-", dir="/tmp"))
    processes = [
        subprocess.Popen([sys.executable, "-E", "-P", __file__, name, str(place / name)], start_new_session=True)
        for name in COMMANDS
    ]
    try:
        deadline = time.monotonic() + 60
        for name, process in zip(COMMANDS, processes, strict=True):
            while not (place / name).exists():
                assert process.poll() is None, f"the process that {name} is forked from has ended"
                assert time.monotonic() < deadline, f"{name} was not imported within a minute"
                time.sleep(0.05)
        scripts = {folder / name: client(place / name) for name in COMMANDS}
        put(scripts)
        yield functools.partial(put, scripts)
    finally:
        for process in processes:
            process.terminate()
            process.wait()
        shutil.rmtree(place)


def put(scripts: Mapping[Path, str]) -> None:
    """Write these scripts where something else is, or nothing."""
    for path, text in scripts.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            made = path.with_name(f".{path.name}.new")
            made.write_text(text, encoding="utf-8")
            made.chmod(0o755)
            made.replace(path)


def client(door: Path) -> str:
    """Return the script that knocks at a door."""
    perl = shutil.which("perl")
    if perl and SENDMSG and sys.maxsize > 2**32:
        return PERL.format(program=perl, door=door, sendmsg=SENDMSG)
    return PYTHON.format(program=sys.executable, door=door)


def program(name: str) -> Callable[[], object]:
    """Import a command's modules and return its main, which reads sys.argv."""
    if name == "docker":
        from ecrlab.standin import archive, build, cli, commands, registry, show, transfer  # noqa: F401 - it imports these late

        for file in pkgutil.iter_modules(commands.__path__):
            importlib.import_module(f"{commands.__name__}.{file.name}")

        return cli.main
    if name == "aws":
        import awscli  # noqa: F401 - first of all: it brings a botocore of its own, older than boto3's, and puts it in its place
    else:
        import boto3  # type: ignore[import-untyped]
    from botocore import hooks, httpsession, loaders, signers, waiter  # noqa: F401

    # The models of the services, read once: whoever is forked may change its own copy.
    loaders.JSONFileLoader.load_file = staticmethod(functools.cache(loaders.JSONFileLoader().load_file))
    # What a handler of an event is registered under, and that it takes what it is given: four hundred a command.
    alias = functools.cache(hooks.EventAliaser(hooks.HierarchicalEmitter())._alias_event_name)
    hooks.EventAliaser._alias_event_name = lambda _self, name: alias(name)
    hooks.BaseEventHooks._verify_accept_kwargs = lambda _self, _handler: None
    for service in ("ecr", "ecr-public", "iam", "sts"):
        for kind in ("service-2", "paginators-1", "waiters-2", "endpoint-rule-set-1"):
            with contextlib.suppress(loaders.UnknownServiceError, loaders.DataNotFoundError):
                loaders.create_loader().load_service_model(service, kind)
    for data in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        loaders.create_loader().load_data(data)
    # `aws ecs wait` looks every 15 seconds: here ten times as often.
    waiter.time = types.SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / 10))
    list_services_once()
    if name == "python":
        ready = boto3.session.Session("none", "none", region_name="us-east-1")
        for service in ("ecr", "iam", "sts"):
            ready.client(service)
        return interpret
    from awscli import clidriver

    sys.argv = ["aws", "ecr", "describe-repositories", "--generate-cli-skeleton"]
    with open(os.devnull, "w", encoding="utf-8") as nothing, contextlib.redirect_stdout(nothing):
        clidriver.main()
    return clidriver.main  # type: ignore[no-any-return]


def list_services_once() -> Callable[[], None]:
    """Let botocore look once which services there are, and in which versions; return what undoes that.

    A session looks through a few hundred folders for it, and nobody adds any.
    """
    from botocore.loaders import Loader

    names = ("list_available_services", "list_api_versions")
    before = {name: getattr(Loader, name) for name in names}
    for name in names:
        setattr(Loader, name, listed_once(before[name]))

    def undo() -> None:
        for name, method in before.items():
            setattr(Loader, name, method)

    return undo


def listed_once(method: Callable[..., list[str]]) -> Callable[..., list[str]]:
    """Return a method of botocore's loader that looks once for each set of folders, whichever loader asks."""
    found: dict[object, list[str]] = {}

    @functools.wraps(method)
    def listed(loader: Any, *names: str, **more: str) -> list[str]:
        key = (tuple(loader.search_paths), names, tuple(more.items()))
        if key not in found:
            found[key] = method(loader, *names, **more)
        return list(found[key])

    return listed


def interpret() -> None:
    """Be `python FILE ...`, `python -c CODE ...` or `python - ...`; whatever else is given, start a Python."""
    given, text = sys.argv[1:], ""
    first = given[0] if given else ""
    if first == "-c" and len(sys.argv) > 2:
        text, name, place = sys.argv[2], "<string>", ""
        sys.argv[1:] = sys.argv[3:]
        sys.argv[0] = "-c"
    elif first == "-" and "PYTHONPATH" not in os.environ:
        text, name, place = sys.stdin.read(), "<stdin>", ""
        sys.argv.pop(0)
    elif first and not first.startswith("-") and Path(first).is_file():
        text, name, place = Path(first).read_text(encoding="utf-8"), first, str(Path(first).resolve().parent)
        sys.argv.pop(0)
    if not text or "PYTHONPATH" in os.environ:
        raise SystemExit(subprocess.call([sys.executable, *given]))
    sys.path.insert(0, place)
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    if not name.startswith("<"):
        module.__file__ = name
    try:
        exec(compile(text, name, "exec"), vars(module))
    except Exception as error:
        # Without the frame of this function.
        traceback.print_exception(error.with_traceback(error.__traceback__ and error.__traceback__.tb_next))
        raise SystemExit(1) from None


def serve(name: str, door: Path) -> None:
    """Fork one child per connection; it becomes the command and answers with its exit code in one byte."""
    main = program(name)
    # Nothing of it is looked at by a child's collector, and so not copied.
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    waiting = socket.socket(socket.AF_UNIX)
    made = door.with_suffix(".new")
    waiting.bind(str(made))
    waiting.listen(64)
    made.rename(door)
    while True:
        connection, _ = waiting.accept()
        if os.fork() == 0:
            waiting.close()
            become(name, main, connection)
        connection.close()


def become(name: str, main: Callable[[], object], connection: socket.socket) -> None:
    """Be the command that a client asked for, to its end."""
    code = 255
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        length, streams, _, _ = socket.recv_fds(connection, 4, 4)
        wanted = b""
        while len(wanted) < int.from_bytes(length, "big"):
            if not (more := connection.recv(65536)):
                os._exit(code)  # the client was ended
            wanted += more
        count, *words = map(os.fsdecode, wanted.split(b"\0"))
        arguments, variables = words[: int(count)], words[int(count) :]
        environ = dict(each.split("=", 1) for each in variables)
        for number, stream in enumerate(streams[:3]):
            os.dup2(stream, number)
        os.fchdir(streams[3])
        for stream in streams:
            os.close(stream)
        # awscli names its own data in this variable when it is imported.
        data = {key: value for key, value in os.environ.items() if key == "AWS_DATA_PATH"}
        os.environ.clear()
        os.environ.update(environ, **data)
        # And it settles then in whose home role sessions are kept: those of another lab would be used here.
        if assumerole := sys.modules.get("awscli.customizations.assumerole"):
            vars(assumerole)["CACHE_DIR"] = os.path.expanduser("~/.aws/cli/cache")
        sys.argv = [name, *arguments]
        sys.stdin, sys.stdout, sys.stderr = (open(n, mode, closefd=False) for n, mode in enumerate("rww"))  # noqa: SIM115
        try:
            returned = main()
        except SystemExit as end:
            returned = end.code
            if isinstance(returned, str):
                print(returned, file=sys.stderr)
        code = returned if isinstance(returned, int) else 0 if returned is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        with contextlib.suppress(OSError):
            connection.sendall(bytes([code]))
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]))
