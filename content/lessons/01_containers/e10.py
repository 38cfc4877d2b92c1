"""01-e10: a start script with more than one fault. What a learner reads is in e10.md."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from ecrlab_course.authoring import Lab, Sentence

from .start_script import RUNS, Ending, read
from .start_tried import ended
from .state import FILES, has_engine, remove

CAME = FILES / "start"
NEARLY = {
    "not-executable": Sentence("nearly-mode"),
    "first-returns": Sentence("nearly-first"),
    "no-first-line": Sentence("nearly-first"),
    "returns-below": Sentence("nearly-first"),
    "in-the-background": Sentence("nearly-server"),
}


class Seen:
    """What lies in start/, and how a container of it ends: read, and tried where an engine is."""

    def __init__(self, lab: Lab) -> None:
        folder = (lab.folder or Path()) / "start"
        self.as_it_came = all(_same(folder / name, CAME / name) for name in ("start.sh", "Dockerfile"))
        found = read(folder)
        if has_engine(lab) and not self.as_it_came:
            found = ended(found, lab)
        self.fault, self.own, self.shell_first = found.fault, found.own, found.shell_first
        self.code, self.said, self.entry, self.first = found.code, found.said, found.entry, found.first
        self.interpreter, self.word, self.port = found.interpreter, found.word, found.port
        self.place, self.status = found.place, found.status
        self.ending = _sentence(found)
        self.nearly = NEARLY.get(self.fault, Sentence("nearly-other"))


def _same(one: Path, other: Path) -> bool:
    """Tell whether two files have the same bytes and may both be executed, or neither."""
    try:
        modes = {bool(path.stat().st_mode & 0o111) for path in (one, other)}
        return one.read_bytes() == other.read_bytes() and len(modes) == 1
    except OSError:
        return False


def _sentence(found: Ending) -> Sentence:
    if not found.fault:
        return Sentence("ends-well")
    if found.fault in ("no-build", "cannot-tell"):
        return Sentence("ends-unbuilt")
    if found.fault in ("not-executable", "no-such-file", "no-slash"):
        return Sentence("ends-created") if found.status == "created" else Sentence("ends-exited")
    return Sentence("ends-running") if found.fault in RUNS else Sentence("ends-exited")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e10.md: how a container of start/ ends, and whether it is his script that serves."""
    if seen.as_it_came:
        return "untouched"
    if not seen.fault:
        if not seen.own:
            return "dropped"
        return "shell-first" if seen.shell_first else "passed"
    return early(seen) or late(seen)


def early(seen: Seen) -> str:
    """Return what keeps the script from being begun; "" when it is begun."""
    if seen.fault == "no-build":
        return "no-build"
    if seen.fault == "cannot-tell":
        return "cannot-tell"
    if seen.fault == "no-command":
        return "no-command"
    if seen.fault == "not-executable":
        return "not-executable"
    if seen.fault == "no-such-file":
        return "no-such-file"
    if seen.fault == "no-slash":
        return "no-slash"
    if seen.fault == "no-list":
        return "no-list"
    if seen.fault == "no-first-line":
        return "no-first-line"
    if seen.fault == "first-returns":
        return "first-returns"
    return "no-interpreter" if seen.fault == "no-interpreter" else ""


def late(seen: Seen) -> str:
    """Return what is wrong once the script is read."""
    if seen.fault == "returns-below":
        return "returns-below"
    if seen.fault == "unknown-word":
        return "swallowed" if seen.code == 0 else "unknown-word"
    if seen.fault == "in-the-background":
        return "in-the-background"
    if seen.fault == "other-port":
        return "other-port"
    if seen.fault == "no-page":
        return "no-page"
    if seen.fault == "short-lived":
        return "short-lived"
    return "other-folder" if seen.fault == "other-folder" else "no-server"


# Tries

GOOD = "#!/bin/sh\ncd /www\nexec httpd -f -p 8080\n"
DOCKERFILE = (CAME / "Dockerfile").read_text()


def written(script: str = GOOD, *, mode: int = 0o755, dockerfile: str = DOCKERFILE) -> Callable[[Lab], None]:
    """Return a function that puts these files into start/."""

    def act(lab: Lab) -> None:
        folder = (lab.folder or Path()) / "start"
        (folder / "start.sh").write_bytes(script.encode())
        (folder / "start.sh").chmod(mode)
        (folder / "Dockerfile").write_text(dockerfile)

    return act


def command(line: str) -> str:
    """Return the Dockerfile with another last line."""
    return DOCKERFILE.replace('CMD ["/start.sh"]', line)


def as_solved(lab: Lab) -> None:
    """Fix it as the solution does."""
    lab.sh("sed -i 's/\\r$//; s/^httpd/exec httpd -f/' start/start.sh && chmod +x start/start.sh")


WINDOWS = (CAME / "start.sh").read_bytes().decode()
TRIES = {
    "passed": {
        "as solved": as_solved,
        "in the Dockerfile": written(
            WINDOWS.replace("httpd", "exec httpd -f"),
            mode=0o644,
            dockerfile=command('RUN chmod +x /start.sh && sed -i "s/\\r//" /start.sh\nCMD ["/start.sh"]'),
        ),
        "env, and a folder for the server": written("#!/usr/bin/env sh\nexec busybox httpd -fp 8080 -h /www\n"),
        "sh in front, no first line": written(
            "exec httpd -f -p 8080 -h /www\n", mode=0o644, dockerfile=command('CMD ["sh", "/start.sh"]')
        ),
        "variables, and an exit that is not taken": written(
            '#!/bin/sh\nPORT=8080\ncd "/www" || exit 1\nexec httpd -f -p "$PORT" 2>&1 # & so on\n'
        ),
        "found by its name, on the page's image": written(
            dockerfile='FROM my-web-app:1.0\nCOPY start.sh /bin/serve\nCMD ["serve"]\n'
        ),
        "file by file, and all in the image": written(
            WINDOWS,
            mode=0o644,
            dockerfile=DOCKERFILE.replace("www/ /", "www/index.html www/version.txt /").replace(
                "CMD", "RUN sed -i 's/\\r$//; s/^httpd/exec httpd -f/' /start.sh && chmod +x /*.sh\nCMD"
            ),
        ),
    },
    "shell-first": {
        "without exec": written(GOOD.replace("exec ", "")),
        "kept alive": written("#!/bin/sh\ncd /www\nhttpd -p 8080\nsleep infinity\n"),
        "kept alive by a loop": written("#!/bin/sh\ncd /www\nhttpd -p 8080\nwhile true; do sleep 60; done\n"),
        "kept alive by the command": written(
            GOOD.replace("exec httpd -f", "httpd"),
            dockerfile=command('CMD ["sh", "-c", "/start.sh && sleep infinity"]'),
        ),
    },
    "not-executable": {
        "all but the mode": written(mode=0o644),
        "another word for it": written(mode=0o644, dockerfile=command('ENTRYPOINT ["/start.sh"]')),
        "by a shell": written(mode=0o644, dockerfile=command("CMD /start.sh")),
    },
    "first-returns": [written(WINDOWS)],
    "no-first-line": {"a blank line above": written("\n" + GOOD), "none": written(GOOD.partition("\n")[2])},
    "no-interpreter": [written(GOOD.replace("/bin/sh", "/bin/bash"))],
    "returns-below": {
        "the first line alone": written(WINDOWS.replace("\r", "", 1)),
        "sh in front": written(WINDOWS, dockerfile=command('CMD ["sh", "/start.sh"]')),
        "the first line alone, in the image": written(
            WINDOWS, dockerfile=command("RUN sed -i '1s/\\r//' /start.sh\nCMD [\"/start.sh\"]")
        ),
    },
    "in-the-background": [written(GOOD.replace("exec httpd -f", "httpd"))],
    "unknown-word": [written(GOOD.replace("exec httpd", "http"))],
    "swallowed": [written(GOOD.replace("exec httpd -f -p 8080", "http -f -p 8080 || true"))],
    "no-server": [written("#!/bin/sh\nsleep 1000\n")],
    "other-port": [written(GOOD.replace("8080", "80"))],
    "other-folder": {
        "the disk": written(GOOD.replace("cd /www\n", "")),
        "the page lies elsewhere": written(dockerfile=DOCKERFILE.replace("COPY www/ /www/", "COPY www/ /srv/")),
    },
    "no-page": [written(dockerfile=DOCKERFILE.replace("COPY www/ /www/\n", ""))],
    "short-lived": [written("#!/bin/sh\ncd /www\nhttpd -p 8080\nsleep 5\n")],
    "dropped": {
        "a command": written(dockerfile=command('CMD ["httpd", "-f", "-p", "8080", "-h", "/www"]')),
        "a way round": written(WINDOWS, dockerfile=command("CMD /start.sh || httpd -f -p 8080 -h /www")),
    },
    "no-such-file": {
        "a typo": written(dockerfile=command('CMD ["/strat.sh"]')),
        "a typo, for a shell": written(dockerfile=command('CMD ["sh", "/strat.sh"]')),
    },
    "no-slash": [written(dockerfile=command('CMD ["start.sh"]'))],
    "no-list": {
        "single quotes": written(dockerfile=command("CMD ['/start.sh']")),
        "no comma": written(dockerfile=command('CMD ["sh" "/start.sh"]')),
    },
    "no-command": [written(dockerfile=command(""))],
    "no-build": {
        "no such file": written(dockerfile=DOCKERFILE.replace("COPY start.sh", "COPY begin.sh")),
        "changed before it is copied": written(
            mode=0o644, dockerfile=DOCKERFILE.replace("COPY start.sh", "RUN chmod +x /start.sh\nCOPY start.sh")
        ),
    },
    "cannot-tell": {
        "another program": written("#!/bin/sh\npython3 -m http.server 8080\n"),
        "another base": written(dockerfile=DOCKERFILE.replace("ecrlab/base:1", "alpine")),
    },
}


def reset(lab: Lab) -> None:
    """Put the files back as they came, and remove the container."""
    remove(lab, "start")
    folder = (lab.folder or Path()) / "start"
    for name in ("start.sh", "Dockerfile"):
        shutil.copyfile(CAME / name, folder / name)
        shutil.copymode(CAME / name, folder / name)
