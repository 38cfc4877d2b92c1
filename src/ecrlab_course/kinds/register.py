"""Every kind of exercise, a line each."""

from __future__ import annotations

from ecrlab_course.kinds.base import Question
from ecrlab_course.kinds.build_command import BuildCommand
from ecrlab_course.kinds.choice import Choice
from ecrlab_course.kinds.fix_file import FixFile
from ecrlab_course.kinds.free_answer import FreeAnswer
from ecrlab_course.kinds.guess import Guess
from ecrlab_course.kinds.live_check import LiveCheck
from ecrlab_course.kinds.match import Match
from ecrlab_course.kinds.order import Order
from ecrlab_course.kinds.predict import Predict
from ecrlab_course.kinds.read_error import ReadError

KINDS: dict[str, type[Question]] = {
    kind.kind: kind
    for kind in (
        LiveCheck,
        Choice,
        Predict,
        BuildCommand,
        Order,
        FixFile,
        ReadError,
        Match,
        FreeAnswer,
        Guess,
    )
}
