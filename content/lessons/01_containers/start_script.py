"""What becomes of a container of start/, read from its Dockerfile and its script; start_tried.py really tries it.

The reading knows what a start script of this lesson needs (chmod, sed, sh, httpd and what keeps a script alive); for
anything else it says that it cannot tell.
"""

from __future__ import annotations

import difflib
import fnmatch
import json
import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

PAGE, PORT = "/www", "8080"
SHELLS = ("sh", "/bin/sh", "ash", "/bin/ash")
INTERPRETERS = ("/bin/sh", "/bin/ash")
INSTRUCTIONS = [
    "FROM",
    "COPY",
    "ADD",
    "RUN",
    "CMD",
    "ENTRYPOINT",
    "WORKDIR",
    "ENV",
    "EXPOSE",
    "USER",
    "LABEL",
    "ARG",
    "VOLUME",
    "STOPSIGNAL",
    "HEALTHCHECK",
    "SHELL",
    "MAINTAINER",
]
QUIET = [
    "set",
    "do",
    "done",
    "echo",
    "printf",
    "trap",
    "umask",
    "true",
    ":",
    "mkdir",
    "cp",
    "chmod",
    "cat",
    "ls",
    "env",
    "test",
    "[",
    "date",
    "id",
    "pwd",
    "touch",
]
"""What may stand in a start script and neither serves nor ends it."""
RUNS = ("no-server", "other-port", "other-folder", "no-page", "short-lived")
"""The faults of a container that runs."""
SEARCHED = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where a name without a slash is looked for."""


@dataclass(frozen=True)
class Ending:
    """How a container of start/ ends: the name of its fault ("" when it serves), and what is told about it."""

    fault: str = ""
    code: int = 0
    said: str = ""
    entry: str = ""
    first: str = ""
    interpreter: str = ""
    word: str = ""
    port: str = ""
    place: str = ""
    status: str = "created"
    own: bool = True
    """His script has a part in it."""
    shell_first: bool = False
    """Number 1 is the shell."""


@dataclass
class _Image:
    """What the Dockerfile makes: scripts (content, may be executed), where the page lies, what is started."""

    folder: str = "/"
    scripts: dict[str, tuple[bytes, bool]] = field(default_factory=dict)
    pages: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    unknown: str = ""


def read(folder: Path) -> Ending:
    """Read start/ and say how a container of it ends."""
    try:
        image = _built((folder / "Dockerfile").read_bytes().decode(errors="replace"), folder)
    except (OSError, ValueError) as error:
        return Ending("no-build", said=str(error))
    argv = image.entrypoint + image.command
    if image.unknown:
        return Ending("cannot-tell", said=image.unknown)
    if not argv:
        return Ending("no-command")
    return _started(image, argv)


def _built(text: str, folder: Path) -> _Image:
    """Carry out a Dockerfile as far as it concerns the script; raises ValueError where a build would stop."""
    image, begun, shell_entry = _Image(), False, False
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        line = line.strip()
        if "<<" in line and not line.startswith("#"):
            image.unknown = image.unknown or line
            return image
        if not line or line.startswith("#"):
            continue
        name, _, rest = line.partition(" ")
        name, rest = name.upper(), rest.strip()
        if name not in INSTRUCTIONS:
            raise ValueError(f"unknown instruction: {name}")
        if name == "FROM":
            begun = True
            _based(image, rest)
        elif not begun and name != "ARG":
            raise ValueError("no build stage in current context")
        elif name == "WORKDIR":
            image.folder = posixpath.join(image.folder, rest)
        elif name in ("COPY", "ADD"):
            _copied(image, rest, folder)
        elif name == "ENV":
            image.env.update(word.partition("=")[::2] for word in shlex.split(rest) if "=" in word)
        elif name == "RUN":
            _ran(image, rest)
        elif name == "CMD":
            image.command = _words(rest)
        elif name == "ENTRYPOINT":
            image.entrypoint, shell_entry = _words(rest), not rest.startswith("[")
    if not begun:
        raise ValueError("the Dockerfile is empty")
    if shell_entry:
        image.command = []
    return image


def _based(image: _Image, rest: str) -> None:
    """Begin with the base, or with the page's image, which brings a page and a command."""
    name = (rest.split() or [""])[0]
    if re.fullmatch(r"my-web-app:\d\.\d", name):
        image.pages, image.command = [PAGE], ["/bin/busybox", "httpd", "-f", "-p", PORT, "-h", PAGE]
    elif name.partition(":")[0] != "ecrlab/base":
        image.unknown = image.unknown or f"FROM {rest}"


def _words(rest: str) -> list[str]:
    """Return what CMD or ENTRYPOINT starts: the words of a list, or a shell with a line."""
    if rest.startswith("["):
        try:
            found = json.loads(rest)
            if isinstance(found, list) and all(isinstance(word, str) for word in found):
                return found
        except ValueError:
            pass  # docker takes what is not JSON for a line of a shell
    return ["/bin/sh", "-c", rest]


def _copied(image: _Image, rest: str, folder: Path) -> None:
    if rest.startswith("["):
        rest = shlex.join(json.loads(rest))
    words = shlex.split(rest)
    flags = [word for word in words if word.startswith("--")]
    *sources, target = [word for word in words if not word.startswith("--")] or [""]
    if any(flag.startswith("--from") for flag in flags):
        image.unknown = image.unknown or f"COPY {rest}"
        return
    place = posixpath.join(image.folder, target)
    several = target.endswith(("/", ".")) or len(sources) > 1
    mode = next((flag.partition("=")[2] for flag in flags if flag.startswith("--chmod=")), "")
    for source in sources:
        path = folder / source.lstrip("/")
        if not path.exists():
            raise ValueError(f"COPY failed: {source} is not in the folder")
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        into = place if path.is_dir() or several else posixpath.dirname(place)
        for file in files:
            goal = posixpath.normpath(posixpath.join(into, file.name))
            if file.is_dir():
                _page(image, goal, file / "index.html")
                continue
            if path.is_file() and not several:
                goal = posixpath.normpath(place)
            may_run = bool(file.stat().st_mode & 0o111) or _executable(mode)
            image.scripts[goal] = (file.read_bytes(), may_run)
            if posixpath.basename(goal) == "index.html":
                _page(image, posixpath.dirname(goal), file)


def _page(image: _Image, place: str, file: Path) -> None:
    """Note that the page lies there, if this file is the page."""
    if file.is_file() and b"Harbour Bikes" in file.read_bytes():
        image.pages.append(place)


def _executable(mode: str) -> bool:
    if re.fullmatch(r"[0-7]{3,4}", mode):
        return bool(int(mode, 8) & 0o111)
    return bool(re.fullmatch(r"[ugoa]*\+[rw]*x[rw]*", mode))


def _ran(image: _Image, rest: str) -> None:
    """Carry out what RUN does to a script; raises ValueError where the file is not there (yet)."""
    if rest.startswith("["):
        rest = shlex.join(json.loads(rest))
    for _, words, ends in _steps(rest):
        absent = [word for word in words[1:] if word.endswith(".sh") and not _named(image, word)]
        if absent and words[0] in ("chmod", "sed", "dos2unix") and ends != "||":
            raise ValueError(f"{words[0]}: {absent[0]}: No such file or directory")
        moved = words[0] in ("cp", "mv", "ln", "rm", "install") and any(
            word.startswith((PAGE, "www")) for word in words
        )
        if moved or not _carried_out(image, words):
            image.unknown = image.unknown or f"RUN {rest}"


def _named(image: _Image, word: str) -> list[str]:
    """Return the scripts that a word names: by their path, by a folder above it, or by a pattern."""
    place = posixpath.normpath(posixpath.join(image.folder, word))
    return [path for path in image.scripts if fnmatch.fnmatchcase(path, place) or path.startswith(f"{place}/")]


def _carried_out(image: _Image, words: list[str]) -> bool:
    """Do to the scripts what chmod, sed or dos2unix would; False for another command that names one."""
    named = [path for word in words[1:] for path in _named(image, word)]
    if words[0] == "chmod" and ("-R" in words or "/" not in words):
        change = next((word for word in words[1:] if not word.startswith("-")), "")
        for path in named:
            content, may_run = image.scripts[path]
            image.scripts[path] = (content, _executable(change) or (may_run and not change[:1].isdigit()))
        return True
    if words[0] == "dos2unix" or (words[0] == "sed" and any(re.fullmatch("-[a-zA-Z]*i", word) for word in words)):
        for path in named:
            content, may_run = image.scripts[path]
            edited = content.replace(b"\r\n", b"\n") if words[0] == "dos2unix" else _edited(content, words[1:])
            if edited is None:
                return False
            image.scripts[path] = (edited, may_run)
        return True
    mentioned = any(posixpath.basename(path) in word for path in image.scripts for word in words if ".sh" in word)
    return not (named or mentioned) or words[0] in ("ls", "cat", "head", "test")


def _edited(content: bytes, words: list[str]) -> bytes | None:
    """Return what sed makes of a script with substitutions of plain text; None for anything else."""
    given = [word for word in words if not word.startswith("-")]
    lines = content.decode(errors="replace").split("\n")
    for command in ("" if words.count("-e") > 1 else (given or [""])[0]).split(";"):
        found = re.fullmatch(r"\s*(\d*)s(.)(.*?)\2(.*?)\2(g?)\s*", command)
        if found is None or re.search(r"[\[\]*&]|\\[^rx]", found[3] + found[4]):
            return None
        wanted = re.escape(found[3].replace("\\r", "\r").replace("\\x0d", "\r"))
        wanted = re.sub(r"^\\\^", "^", re.sub(r"\\\$$", "$", wanted)).replace("\\.", ".")
        for at, line in enumerate(lines):
            if not found[1] or int(found[1]) == at + 1:
                lines[at] = re.sub(wanted, found[4].replace("\\", "\\\\"), line, count=0 if found[5] else 1)
    return "\n".join(lines).encode()


def _started(image: _Image, argv: list[str]) -> Ending:
    """Say how a container ends that is started with these words."""
    if argv[0] == "exec":
        argv = argv[1:]
    if argv[:2] in (["busybox", "sh"], ["/bin/busybox", "sh"], ["/usr/bin/env", "sh"]):
        argv = ["sh", *argv[2:]]
    if argv[0] in SHELLS and argv[1:2] == ["-c"]:
        return _by_line(image, argv[2] if len(argv) > 2 else "")
    if argv[0] in SHELLS:
        words = [word for word in argv[1:] if not re.fullmatch(r"-[a-z]+", word)]
        path = posixpath.normpath(posixpath.join(image.folder, words[0])) if words else ""
        if path in image.scripts:
            return _script(image, path, by_shell=True)
        return Ending("no-such-file", 2, entry=words[0] if words else "", status="exited")
    path = _found(image, argv[0])
    if path:
        return _executed(image, path)
    if "/" not in argv[0] and argv[0] in map(posixpath.basename, image.scripts):
        return Ending("no-slash", 127, entry=argv[0])
    if any(word == "httpd" or word.endswith("/httpd") for word in argv[:2]):
        served = _server(argv[argv.index("httpd") + 1 :] if "httpd" in argv else argv[1:], image, image.folder)
        return replace(served, own=False)
    if argv[0].endswith(".sh") or "/" in argv[0]:
        return Ending("no-such-file", 127, entry=argv[0])
    return Ending("no-server", own=False)


def _found(image: _Image, word: str) -> str:
    """Return the script that a word starts: a path, or a name in one of the folders that are searched; "" for none."""
    places = [image.folder] if "/" in word else SEARCHED
    paths = [posixpath.normpath(posixpath.join(place, word)) for place in places]
    return next((path for path in paths if path in image.scripts), "")


def _by_line(image: _Image, line: str) -> Ending:
    """Say how a container ends that begins with a line of a shell."""
    if re.match(r"\[\S", line):
        return Ending("no-list", 127, f"{shlex.quote(line)}: not found", word=line, status="exited")
    before, found = "", None
    for _, words, ends in _steps(line):
        skipped, before = before == "||" and found is None, ends
        words = words[1:] if words[0] == "exec" else words
        if skipped or not words:
            continue
        by_shell = words[0] in (*SHELLS, ".", "source") and len(words) > 1
        path = _found(image, f"./{words[1]}" if by_shell and "/" not in words[1] else words[by_shell])
        if path:
            found = _script(image, path, by_shell=True) if by_shell else _executed(image, path, from_shell=True)
            goes_on = ends == ";" or ends == ("&&" if found.fault == "in-the-background" else "||")
            if not goes_on or found.fault in ("", *RUNS):
                return found
            found = replace(found, code=0) if ends == "||" else found
        elif found is not None and found.fault == "in-the-background" and words[0] in ("sleep", "tail"):
            return _kept(found, words)
        elif "httpd" in words:
            return replace(_lines(image, shlex.join(words), image.folder), own=False)
        elif found is None and "/" not in words[0] and words[0] in map(posixpath.basename, image.scripts):
            return Ending("no-slash", 127, entry=words[0], status="exited")
        elif not _carried_out(image, words):
            return Ending("cannot-tell", said=line)
    if found is not None:
        return found
    if ".sh" in line:
        named = next(word for word in line.split() if ".sh" in word)
        return Ending("no-such-file", 127, entry=named, status="exited")
    return Ending("no-server", own=False)


def _kept(server: Ending, words: list[str]) -> Ending:
    """Return how it ends when a script goes on behind a server that went into the background."""
    lasts = words[1] if words[0] == "sleep" and len(words) > 1 else ""
    if not server.said and lasts.isdigit() and int(lasts) < 60:
        return replace(server, fault="short-lived", word=lasts)
    return replace(server, fault=server.said, said="", shell_first=True)


def _executed(image: _Image, path: str, from_shell: bool = False) -> Ending:
    """Say how it ends when the kernel is to execute the script."""
    content, may_run = image.scripts[path]
    if not may_run:
        return Ending("not-executable", 126, "permission denied", path, status="exited" if from_shell else "created")
    line = content.partition(b"\n")[0]
    if not line.startswith(b"#!"):
        if from_shell:  # a shell reads a file itself that the kernel does not take
            return _script(image, path, by_shell=True)
        first = " ".join(f"{byte:02x}" for byte in content[:2]) or "none: it is empty"
        return Ending("no-first-line", 1, "exec format error", path, first=first)
    asked = line[2:].decode(errors="replace").strip(" \t\n")
    program = asked.rstrip("\r").split()[:2]
    if asked.endswith("\r"):
        shown = " ".join(program)
        return Ending("first-returns", 1, "no such file or directory", path, interpreter=shown)
    known = program[:1] and (program[0] in INTERPRETERS or program in (["/usr/bin/env", "sh"], ["/bin/busybox", "sh"]))
    if not known:
        return Ending("no-interpreter", 1, "no such file or directory", path, interpreter=" ".join(program))
    return _script(image, path)


def _script(image: _Image, path: str, by_shell: bool = False) -> Ending:
    """Say how it ends when a shell reads the script."""
    text = image.scripts[path][0].decode(errors="replace")
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        body = line.rstrip("\n")
        if "\r" in body and body.strip() and not body.lstrip().startswith("#"):
            word = body.strip().split()[-1]
            return Ending("returns-below", 1, f"{path}: line {number}: {body.strip()}", path, word=word)
    return _lines(image, text, image.folder)


def _lines(image: _Image, text: str, folder: str) -> Ending:
    """Say how it ends when a shell carries out these lines."""
    server: Ending | None = None
    env, before = dict(image.env), ""
    for number, words, ends in _steps(text):
        skipped, before = before == "||", ends
        if skipped:  # what stands before it works
            continue
        words = [_filled(word, env) for word in words]
        if words[0] == "export":
            words = words[1:]
        while words and re.match(r"\w+=", words[0]):
            name, _, env_value = words.pop(0).partition("=")
            env[name] = env_value
        in_front = words[:1] == ["exec"]
        words = words[1:] if in_front else words
        if not words or words[0] in QUIET:
            continue
        name = words[0]
        if words[0].endswith("busybox") and words[1:2] == ["httpd"]:
            words = words[1:]
        if words[0] in ("cd", "httpd", "/bin/httpd") and ("$" in "".join(words) or ends == "|"):
            return Ending("cannot-tell", said=" ".join(words))
        if name == "cd":
            folder = posixpath.normpath(posixpath.join(folder, words[1] if len(words) > 1 else "/"))
        elif words[0] in ("httpd", "/bin/httpd"):
            server = _server(words[1:], image, folder, in_front, ends == "&")
        elif name in ("sleep", "tail", "wait") or words[:2] in (["while", "true"], ["while", ":"], ["while", "sleep"]):
            stays = name != "wait" or (server is not None and server.word == "&")
            if server is not None and server.fault == "in-the-background" and stays:
                return _kept(server, words)
            if server is None and name not in ("wait", "sleep"):
                return Ending("no-server")
            if server is None and name == "sleep" and not (words[1:] and words[1].isdigit() and int(words[1]) < 60):
                return Ending("no-server")
        elif name == "exit":
            break
        elif difflib.SequenceMatcher(None, name, "httpd").ratio() > 0.6:
            return Ending("unknown-word", 0 if ends == "||" else 127, f"line {number}: {name}: not found", word=name)
        else:
            return Ending("cannot-tell", said=" ".join(words))
        if server is not None and server.fault != "in-the-background":
            return server
    return server or Ending("no-command")


def _filled(word: str, env: dict[str, str]) -> str:
    """Return a word with the variables in it that are known."""
    word = re.sub(r"\$\{(\w+):?-([^}]*)\}", lambda found: env.get(found[1], found[2]), word)
    return re.sub(r"\$\{?(\w+)\}?", lambda found: env.get(found[1], found[0]), word)


def _steps(text: str) -> Iterator[tuple[int, list[str], str]]:
    """Yield the commands of a script: line, words, and what ends them: one of & && || | ;."""
    for number, line in enumerate(text.splitlines(), 1):
        plain = re.sub(r"\d?>&\d|[\d&]?>>?\s*/dev/\S+", "", line)
        lexer = shlex.shlex(plain, posix=True, punctuation_chars=";&|")
        lexer.whitespace_split = True
        words = list[str]()
        try:
            tokens = list(lexer)
        except ValueError:  # a quote is open
            yield number, [line.strip()], ";"
            continue
        for token in [*tokens, ";"]:
            if set(token) <= set(";&|"):
                if words:
                    yield number, words, token
                words = []
            else:
                words.append(token)


def _server(words: list[str], image: _Image, folder: str, in_front: bool = True, behind: bool = False) -> Ending:
    """Say how busybox's httpd serves with these options."""
    flags, values, rest = set[str](), dict[str, str](), list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            continue
        for at, letter in enumerate(word[1:], 1):
            if letter in "phcru":
                values[letter] = word[at + 1 :] or (rest.pop(0) if rest else "")
                break
            flags.add(letter)
    port = values.get("p", "80").rpartition(":")[2]
    home = posixpath.normpath(posixpath.join(folder, values.get("h", ".")))
    place = (image.pages or [""])[-1]
    wrong = "" if home in image.pages else "other-folder" if place else "no-page"
    wrong = "other-port" if port != PORT else wrong
    if behind or "f" not in flags:
        # `said` keeps what is wrong beside it, for a script that goes on behind the server.
        return Ending("in-the-background", 0, wrong, word="&" if behind else "", port=port, place=place)
    return Ending(wrong, port=port, place=place, shell_first=not in_front)
