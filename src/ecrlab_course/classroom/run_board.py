"""A board in the foreground: its folder, its gate, its address in words; until Ctrl-C, SIGTERM or a closed terminal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecrlab.processes import Process
from ecrlab_course.authoring.content import Course
from ecrlab_course.classroom.archive import Archive
from ecrlab_course.classroom.board import Board
from ecrlab_course.classroom.board_server import BoardServer, serve
from ecrlab_course.classroom.catalogue import Catalogue
from ecrlab_course.classroom.gates import Gate, KeyGate
from ecrlab_course.classroom.pseudonyms import instructor_key, join_code, secret_of
from ecrlab_course.messages import say
from ecrlab_course.sharing.report import ReportError, accepted

DAY = 86_400.0
FILE = "board.db"
PROCESS = "board.process"
"""The file that says which process is a hub's board."""


class BoardError(Exception):
    """The board could not be started; the text says what was seen and what helps."""


@dataclass(frozen=True)
class Settings:
    """How a board is started: where it keeps its file, where it listens, and for whom.

    `keep`: days after which somebody who was not heard from is forgotten, 0 for never. `hub`: whether a hub's OAuth is
    the gate, with `prefix` as the hub names it.
    """

    folder: Path
    host: str = "127.0.0.1"
    port: int = 4599
    keep: int = 0
    hub: bool = False
    prefix: str = "/"


def read_reports(board: Board, paths: Sequence[Path], clock: Callable[[], float] = time.time) -> list[str]:
    """Take reports in that came as files; return a sentence about each. Raises BoardError for a file that is none."""
    said = []
    for path in paths:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            report = accepted(data.get("report") if isinstance(data, dict) else None)
            learner = str(data["learner"])
            if not learner.isalnum() or len(learner) > 40:
                raise ReportError("learner: not a number")
        except (OSError, ValueError, KeyError) as error:
            raise BoardError(say("class-board.not_a_report", file=path, reason=error)) from None
        board.take(f"f-{learner}", report, clock())
        said.append(say("class-board.read_file", file=path.name, records=len(report.records)))
    return said


def run(the_course: Course, settings: Settings, reports: Sequence[Path], tell: Callable[[str], None]) -> None:
    """Run the board until it is asked to end. Raises BoardError."""
    secret = secret_of(settings.folder)
    archive = Archive(settings.folder / FILE)
    try:
        board = Board(archive.learners())
        if settings.keep and (gone := board.drop_before(time.time() - settings.keep * DAY)):
            tell(say("class-board.dropped", learners=gone, days=settings.keep))
        for line in read_reports(board, reports):
            tell(line)
        gate: Gate = KeyGate(instructor_key(secret))
        if settings.hub:
            from ecrlab_course.classroom.hub_gate import HubGate

            gate = HubGate()
        server = BoardServer(board, archive, Catalogue(the_course), gate, secret, settings.prefix, not settings.hub)
        asyncio.run(_until_ended(server, settings, secret, tell))
    finally:
        archive.close()


async def _until_ended(server: BoardServer, settings: Settings, secret: bytes, tell: Callable[[str], None]) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    try:
        runner = await serve(server, settings.host, settings.port)
    except OSError as error:
        reason = error.strerror or error
        raise BoardError(say("class-board.taken", port=settings.port, host=settings.host, reason=reason)) from None
    try:
        process = Process.of(os.getpid())
        if settings.hub and process is not None:
            process.remember(settings.folder / PROCESS)
        if not settings.hub:
            tell(_started(settings, secret))
        await ended.wait()
    finally:
        await runner.cleanup()


def _started(settings: Settings, secret: bytes) -> str:
    where = f"{settings.host}:{settings.port}"
    address = f"http://{where}{settings.prefix}?key={instructor_key(secret)}"
    join = f'lab.join("{where}", "{join_code(secret)}")'
    words = say("class-board.started", address=address, join=join, file=settings.folder / FILE)
    return f"{words}\n{say('class-board.loopback')}" if settings.host in ("127.0.0.1", "localhost") else words
