"""The instructor's board in Chromium: two learners report, one of them from JupyterLab with its own buttons."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ecrlab.home import Home
from ecrlab_course.progress import Progress
from ecrlab_course.sharing.consent import ConsentFile, join
from ecrlab_course.sharing.reporter import Reporter
from ecrlab_course.start import free_port

from .test_lessons import picture

pytestmark = pytest.mark.timeout(400)
SECRET = "SECRET-of-the-learner"


@dataclass(frozen=True)
class Running:
    """A board that runs: what the instructor opens, and what learners join with."""

    address: str
    where: str
    code: str
    folder: Path


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`ecrlab_course board`, as an instructor starts it; Ctrl-C must end it."""
    folder = tmp_path_factory.mktemp("board")
    log = folder / "log"
    command = [
        str(Path(sys.executable).with_name("ecrlab_course")),
        "board",
        "--port",
        str(free_port(5840)),
        "--folder",
        str(folder),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
    try:
        until = time.monotonic() + 30
        while not (found := re.search(r'(http://(\S+)/\?key=\w+)[\s\S]+lab\.join\("\S+", "(\S+)"\)', log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        yield Running(found[1], found[2], found[3], folder)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0, log.read_text()


class Learner:
    """A learner whose reporter runs in a thread of its own, as in a Jupyter server."""

    def __init__(self, home: Home, board: Running) -> None:
        self.home = home.make()
        self.progress, self.consent = Progress(home.progress), ConsentFile.of(home)
        self.name = join(self.consent, board.where, board.code).name
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(Reporter(home, lambda: 1.0).run())
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with self._loop_closed():
            self._loop.run_until_complete(self._task)

    def _loop_closed(self) -> Any:
        import contextlib

        @contextlib.contextmanager
        def closed() -> Iterator[None]:
            try:
                yield
            except asyncio.CancelledError:
                pass
            finally:
                self._loop.close()

        return closed()

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(10)


@pytest.fixture
def dark(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 950}, color_scheme="dark")
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def against(page: Page, axe: Path) -> list[Any]:
    """What axe, with every rule on, has against the page. Its script is evaluated: the page's own rules allow none."""
    page.evaluate(axe.read_text(encoding="utf-8"))
    found: list[Any] = page.evaluate(
        "async () => (await axe.run()).violations.map(v => [v.id, v.help, v.nodes.map(n => n.html.slice(0, 200))])"
    )
    return found


def test_the_board_shows_who_needs_help_and_what_the_class_believes(
    page: Page, dark: Page, board: Running, tmp_path: Path, axe: Path
) -> None:
    ada, ben = (Learner(Home(tmp_path / name), board) for name in ("ada", "ben"))
    try:
        page.goto(board.address)
        expect(page.get_by_text("2 joined, nobody shares yet")).to_be_visible()
        assert "key" not in page.url, "the key stays out of the address that a projector shows"
        for learner in (ada, ben):
            learner.progress.update("04-e1", answer=SECRET, draft=SECRET)
            learner.progress.judged("04-e1", "not yet", "tag-copies", None)
            learner.progress.begin("04", 1)
            learner.progress.opened("04")
            learner.consent.put(share=True)
        for number in range(2, 5):
            ada.progress.judged(f"04-e{number}", "passed", None, None)
        ada.progress.judged("04-e5", "not yet", "login-is-forever", None)
        ada.progress.hinted("04-e5", 2)
        ada.progress.solved("04-e5")
        ben.consent.put(hand=True)
        needs = page.get_by_role("region", name="Who needs me")
        expect(needs.get_by_role("listitem")).to_have_count(1)
        expect(needs).to_contain_text(f"{ben.name}hand raised")
        expect(needs).to_contain_text("May believe: docker tag copies or sends something")
        believed = page.get_by_role("region", name="What the class believes")
        expect(believed.get_by_role("listitem").first).to_contain_text("2 learners · 04-e1")
        row = page.get_by_role("row", name=re.compile(ada.name))
        expect(row.get_by_role("cell", name="not yet, tries: 1, hints: 2, solution opened")).to_be_visible()
        expect(page.get_by_role("columnheader", name=re.compile("^e2"))).to_contain_text("1 of 1")
        picture(page, "board", page.locator("body"))
        assert against(page, axe) == []

        # By keyboard: an offer, then the hand is seen.
        button = needs.get_by_role("button", name=f"Offer catch-up 04: {ben.name}")
        button.focus()
        page.keyboard.press("Enter")
        expect(needs.get_by_role("button", name=f"Offered: catch-up 04: {ben.name}")).to_be_disabled()
        needs.get_by_role("button", name=f"Seen: {ben.name}").focus()
        page.keyboard.press("Space")
        expect(needs).to_contain_text("Nobody, now.")

        # Nobody is shown to the class.
        page.get_by_role("button", name="For the projector: no names").click()
        expect(page.get_by_text(ada.name)).to_have_count(0)
        expect(page.get_by_role("columnheader", name=re.compile("^e2"))).to_contain_text("1 of 1")
        expect(needs).to_be_hidden()
        picture(page, "board-projector", page.locator("body"))
        assert against(page, axe) == []

        dark.goto(board.address)
        expect(dark.get_by_role("row", name=re.compile(ada.name))).to_be_visible()
        ben.consent.put(hand=False)
        picture(dark, "board-dark", dark.locator("body"))
        assert against(dark, axe) == []
        with dark.expect_download() as download:
            dark.get_by_role("link", name="CSV").click()
        text = download.value.path().read_text()
        assert f"{ada.name},04-e5,not yet,not yet,1,1,2,True,login-is-forever" in text
        assert SECRET not in text
    finally:
        ada.end()
        ben.end()
    assert SECRET.encode() not in (board.folder / "board.db").read_bytes()


def test_a_learner_joins_shares_and_takes_an_offer_in_jupyterlab(
    page: Page, browser: Browser, opened: Any, room: Any, board: Running, axe: Path
) -> None:
    lab = opened("00-start-here")
    lab.run("00-02")
    lab.write("00-04", f'lab.join("{board.where}", "{board.code}")')
    cell = lab.run("00-04")
    card = page.locator(".ecr-sharing")
    expect(card).to_contain_text("You share nothing.")
    expect(card).to_contain_text("Never sent: your answers")
    name = str(ConsentFile.of(Home(room.home)).get().name)
    expect(cell).to_contain_text(f"on the board you are {name}")
    assert lab.accessibility(axe) == []
    picture(page, "sharing", card)

    context = browser.new_context()
    try:
        instructor = context.new_page()
        instructor.goto(board.address)
        card.get_by_role("button", name="Share", exact=True).click()
        card.get_by_role("button", name="Raise your hand").click()
        needs = instructor.get_by_role("region", name="Who needs me")
        expect(needs).to_contain_text(f"{name}hand raised", timeout=20_000)
        needs.get_by_role("button", name=f"Offer catch-up 00: {name}").click()
        expect(needs.get_by_role("button", name=f"Offered: catch-up 00: {name}")).to_be_visible()
        needs.get_by_role("button", name=f"Seen: {name}").click()
    finally:
        context.close()

    # It is one line with a button, under the next cell that runs; nothing was built by itself.
    until = time.monotonic() + 30
    while not ConsentFile.of(Home(room.home)).get().open:
        assert time.monotonic() < until, "the offer did not arrive"
        time.sleep(0.2)
    lab.write("00-08", "1 + 1")
    cell = lab.run("00-08")
    expect(cell).to_contain_text("Your instructor offers: build the state after lesson 00.")
    expect(card).to_contain_text("Your instructor has seen your hand.")
    cell.get_by_role("button", name="Build it").click()
    expect(cell).to_contain_text("the state after it is ready", timeout=60_000)
    assert ConsentFile.of(Home(room.home)).get().open == []

    card.get_by_role("button", name="Forget me").click()
    expect(card).to_contain_text("You share nothing.")
    until = time.monotonic() + 30
    while ConsentFile.of(Home(room.home)).get().forget:
        assert time.monotonic() < until, "the board was not told"
        time.sleep(0.2)
