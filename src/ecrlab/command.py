"""The lab's commands: as they can be typed in the shell that reads about them, and what is said when a disk refuses."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from ecrlab.trouble import is_about_files, sentence


def spelled(name: str = "ecrlab") -> str:
    """Return a command of the lab, as `ecrlab`, so that the reader's shell finds it.

    Its name alone where PATH leads to this installation's, else its path: `.venv/bin/ecrlab` from the checkout.
    """
    ours = Path(sys.prefix) / "bin" / name
    found = shutil.which(name)
    if not ours.exists() or (found is not None and os.path.samefile(found, ours)):
        return name
    here = Path.cwd()
    inside = ours.is_relative_to(here) and ours.parent != here
    return shlex.quote(str(ours.relative_to(here) if inside else ours))


def typed(text: object) -> str:
    """Return a message in which each command of the lab, as `ecrlab start`, is one that the reader's shell finds."""
    return _COMMAND.sub(lambda found: spelled(found[1]), str(text))


# A name in code quotes or in a sentence, with an argument; not the end of a path, and not a word such as "ecrlab/base".
_COMMAND = re.compile(r"(?<![\w./-])(ecrlab|ecrlab_course)(?= [a-z-]+)")


class Commands(click.Group):
    """A command of the lab with its subcommands; a disk or a folder that refuses is a sentence, not a traceback."""

    def make_context(self, info_name: str | None, args: list[str], *others: Any, **extra: Any) -> click.Context:
        """Begin under the name by which the reader's shell finds the command; arguments and result are click's."""
        return super().make_context(spelled(info_name) if info_name else info_name, args, *others, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Carry out the subcommand; argument and result are click's."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            if not is_about_files(error):
                raise
            click.echo(sentence(error), err=True)
            ctx.exit(1)
