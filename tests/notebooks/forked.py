"""Cells run by IPython's shell in a fork of this process: a kernel without its sockets, started in no time.

What a Jupyter kernel adds, its messages, is run with every solved page by nbval, and with every page of a learner.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from botocore.httpsession import URLLib3Session
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import ecrlab_course.notebook.extension as _loaded_before_the_fork  # noqa: F401
from ecrlab import standin
from ecrlab.home import Home
from ecrlab_course.authoring.content import course
from ecrlab_course.notebook.declared import declarations
from ecrlab_course.toolbox.lab import Lab

Cells = Sequence[tuple[str, str]]
"""Each an id and its text."""


def warmed(home: Home) -> None:
    """Make in this process what each fork of it would make again: the course's declarations, clients of that lab."""
    declarations(course())
    lab = Lab(home)
    for view in (lab, lab.looking()):
        for service in ("ecr", "iam", "sts"):
            view.client(service)


def run_cells(cells: Cells, folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Run cells in a new shell in that folder; return what went wrong, by the cell's id.

    A cell that fails does not keep the next ones from running, as in a notebook run with its errors allowed.
    """
    environ = dict(environ)  # it may be os.environ, which is emptied first

    def work() -> dict[str, str]:
        _settle(folder, environ)
        return _run(_shell(), cells)

    return _answer(*_forked(lambda out: json.dump(work(), out), folder), folder)


class Begun:
    """A shell that has run its first cells, from which others go on: each a fork of it, which knows no other.

    Whoever goes on finds the folder as those cells left it.
    """

    def __init__(self, cells: Cells, folder: Path, environ: Mapping[str, str]) -> None:
        """Run the cells in that folder."""
        self._folder = folder
        environ = dict(environ)
        reading, self._asking = os.pipe()

        def work(out: IO[str]) -> None:
            os.close(self._asking)
            _settle(folder, environ)
            shell = _shell()
            failed = _run(shell, cells)
            before = folder.with_name(f"{folder.name}.begun")
            shutil.copytree(folder, before, symlinks=True)
            # A fork must not go on with a connection of another one.
            for session in [each for each in gc.get_objects() if isinstance(each, URLLib3Session)]:
                session.close()
            json.dump(failed, out)
            print(file=out, flush=True)
            here = Path.cwd()
            with os.fdopen(reading, encoding="utf-8") as asked:
                for line in asked:
                    os.chdir("/")
                    shutil.rmtree(folder)
                    shutil.copytree(before, folder, symlinks=True)
                    os.chdir(here)
                    found = self._go_on(shell, json.loads(line))
                    print(json.dumps(found), file=out, flush=True)

        self._child, self._told = _forked(work, folder)
        os.close(reading)
        self.failed = self._next()

    def _go_on(self, shell: InteractiveShell, cells: Cells) -> dict[str, str]:
        return _answer(*_forked(lambda out: json.dump(_run(shell, cells), out), self._folder), self._folder)

    def _next(self) -> dict[str, str]:
        line = self._told.readline()
        assert line, f"the shell ended early: {_said(self._folder)}"
        found: dict[str, str] = json.loads(line)
        return found

    def run(self, cells: Cells) -> dict[str, str]:
        """Run cells after the first ones; return what went wrong, by the cell's id."""
        os.write(self._asking, f"{json.dumps(cells)}\n".encode())
        return self._next()

    def end(self) -> None:
        """End the shell."""
        os.close(self._asking)
        self._told.close()
        os.kill(self._child, signal.SIGKILL)
        os.waitpid(self._child, 0)


def _forked(work: Callable[[IO[str]], object], folder: Path) -> tuple[int, IO[str]]:
    """Do this in a fork, whose output goes into a log beside the folder; return its process and what it writes."""
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            _silence(_log(folder))
            os.setpgid(0, 0)
            with os.fdopen(writing, "w", encoding="utf-8") as out:
                work(out)
            code = 0
        except BaseException:  # whatever it is, this process must not go on as a second pytest
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    os.close(writing)
    return child, os.fdopen(reading, encoding="utf-8")


def _answer(child: int, told: IO[str], folder: Path) -> dict[str, str]:
    """Return what a fork found, which ends then."""
    try:
        with told:
            text = told.read()
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        os.waitpid(child, 0)
    assert text, f"the shell ended early: {_said(folder)}"
    found: dict[str, str] = json.loads(text)
    return found


def _log(folder: Path) -> Path:
    return folder.parent / f"{folder.name}.log"


def _said(folder: Path) -> str:
    return _log(folder).read_text(encoding="utf-8")[-2000:]


def _settle(folder: Path, environ: Mapping[str, str]) -> None:
    """Be in a folder, with these variables alone, and leave the quick commands of the tests where they are."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    standin.install = lambda place: place / "docker"


def _silence(path: Path) -> None:
    """Let what the cells print go into a file, as pytest's own capturing does not follow a fork."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - until the process ends
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", encoding="utf-8", closefd=False)


def _shell() -> InteractiveShell:
    """Return a new shell."""
    sys.path.insert(0, "")  # as a kernel has it: the folder in which the cells run
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    shell.enable_gui = lambda gui=None: None
    return shell


def _run(shell: InteractiveShell, cells: Cells) -> dict[str, str]:
    failed = {}
    for identifier, text in cells:
        result = shell.run_cell(text, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            failed[identifier] = f"{type(error).__name__}: {error}"
    return failed
