"""A class of two: a board that answers, and learners whose reporters are driven by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from ecrlab.home import Home
from ecrlab_course.authoring.content import course
from ecrlab_course.classroom.archive import Archive
from ecrlab_course.classroom.board import Board
from ecrlab_course.classroom.board_server import BoardServer
from ecrlab_course.classroom.catalogue import Catalogue
from ecrlab_course.classroom.gates import KeyGate
from ecrlab_course.classroom.pseudonyms import random_id, token_of
from ecrlab_course.progress import Progress
from ecrlab_course.sharing.consent import ConsentFile
from ecrlab_course.sharing.report import Report
from ecrlab_course.sharing.reporter import Reporter

SECRET = b"a secret of the tests"
KEY = "the-instructors-key"
START = 1_800_000_000.0


class Time:
    """The board's clock."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def report(now: float = START, **values: Any) -> Report:
    """A report at a moment; `records` by id, whose `last` and `passed` are seconds ago."""
    at = datetime.fromtimestamp(now, UTC)
    records = values.pop("records", {})
    for record in records.values():
        for name in {"last", "passed"} & set(record):
            record[name] = (at - timedelta(seconds=record[name])).isoformat()
    return Report(at, records=records, **values)


@dataclass
class Desk:
    """A learner's side: the home, the progress, what they said, and the reporter."""

    home: Home
    progress: Progress
    consent: ConsentFile
    reporter: Reporter
    session: aiohttp.ClientSession

    async def step(self) -> None:
        """Let the reporter look once."""
        await self.reporter.step(self.session)


@dataclass
class Class:
    """A board that answers, and the instructor's client, who is let in."""

    server: BoardServer
    instructor: TestClient[Any, Any]
    stranger: TestClient[Any, Any]
    clock: Time
    archive: Path
    learner: Callable[[str], Desk]

    async def state(self, **query: str) -> dict[str, Any]:
        """What the page gets."""
        answer = await self.instructor.get("/state", params={"rows": "1", **query})
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found


@pytest_asyncio.fixture
async def classroom(tmp_path: Path) -> AsyncIterator[Class]:
    clock = Time()
    path = tmp_path / "board" / "board.db"
    archive = Archive(path)
    server = BoardServer(Board(), archive, Catalogue(course()), KeyGate(KEY), SECRET, clock=clock)
    running = TestServer(server.app())
    await running.start_server()
    instructor, stranger = TestClient(running, cookie_jar=aiohttp.CookieJar(unsafe=True)), TestClient(running)
    assert (await instructor.get("/", params={"key": KEY})).status == 200
    session = aiohttp.ClientSession()

    def learner(name: str) -> Desk:
        home = Home(tmp_path / name)
        home.make()
        consent = ConsentFile.of(home)
        consent.put(url=str(running.make_url("/")), token=token_of(SECRET, random_id()))
        return Desk(home, Progress(home.progress), consent, Reporter(home, lambda: 1.0), session)

    yield Class(server, instructor, stranger, clock, path, learner)
    await session.close()
    await instructor.close()
    await stranger.close()
    archive.close()
