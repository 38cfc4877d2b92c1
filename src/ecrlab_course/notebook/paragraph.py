"""What a cell shows, and what goes wrong in one, said in a paragraph without a traceback."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, ParamSpec

from botocore.exceptions import BotoCoreError, ClientError

from ecrlab.client import LabError
from ecrlab_course.checkout import ContentError
from ecrlab_course.desk.desk import DeskError
from ecrlab_course.failure import Refused, reason
from ecrlab_course.kinds.entry import AnswerError
from ecrlab_course.progress import ProgressError
from ecrlab_course.toolbox.shell import ShellError

show: Any = import_module("IPython.display").display
P = ParamSpec("P")


class CellFailed(Exception):  # noqa: N818 - what a learner reads above the paragraph
    """A cell that did not do what it should: the notebook shows the paragraph alone."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def spoken(method: Callable[P, None]) -> Callable[P, None]:
    """Turn what a learner's call may raise into one paragraph."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(*args, **kwargs)
        except CellFailed:
            raise
        except (AnswerError, KeyError, ContentError, DeskError, ProgressError, ShellError, ValueError) as error:
            failure = str(error.args[0]) if error.args else str(error)
        except (LabError, ClientError, BotoCoreError, Refused, OSError) as error:
            failure = reason(error)
        else:
            return
        raise CellFailed(failure)

    return call


@contextlib.contextmanager
def in_words() -> Iterator[None]:
    """Turn what looking at the lab may raise into one paragraph."""
    try:
        yield
    except ValueError as error:
        raise CellFailed(str(error)) from None
    except (LabError, ClientError, BotoCoreError, OSError) as error:
        raise CellFailed(reason(error)) from None


class Line(str):
    """A sentence that a cell shows without quotes."""

    def __repr__(self) -> str:
        return str(self)
