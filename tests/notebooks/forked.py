"""Cells run by IPython's shell in a fork of this process: a kernel without its sockets, started in no time.

What a Jupyter kernel adds, its messages, is run with every solved page by nbval, and with every page of a learner.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import ecrlab_course.notebook.extension as _loaded_before_the_fork  # noqa: F401


def run_cells(cells: Sequence[tuple[str, str]], folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Run cells, each an id and its text, in a new shell in that folder; return what went wrong, by the cell's id.

    A cell that fails does not keep the next ones from running, as in a notebook run with its errors allowed.
    """
    environ = dict(environ)  # it may be os.environ, which is emptied first
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            _silence(folder.parent / f"{folder.name}.log")
            os.setpgid(0, 0)
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environ)
            with os.fdopen(writing, "w", encoding="utf-8") as out:
                json.dump(_run(cells), out)
            code = 0
        except BaseException:  # whatever it is, this process must not go on as a second pytest
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    os.close(writing)
    try:
        with os.fdopen(reading, encoding="utf-8") as answer:
            text = answer.read()
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        os.waitpid(child, 0)
    assert text, f"the shell ended early: {(folder.parent / f'{folder.name}.log').read_text()[-2000:]}"
    found: dict[str, str] = json.loads(text)
    return found


def _silence(path: Path) -> None:
    """Let what the cells print go into a file, as pytest's own capturing does not follow a fork."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - until the process ends
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", encoding="utf-8", closefd=False)


def _run(cells: Sequence[tuple[str, str]]) -> dict[str, str]:
    sys.path.insert(0, "")  # as a kernel has it: the folder in which the cells run
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    shell.enable_gui = lambda gui=None: None
    failed = {}
    for identifier, text in cells:
        result = shell.run_cell(text, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            failed[identifier] = f"{type(error).__name__}: {error}"
    return failed
