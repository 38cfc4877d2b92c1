"""A Jupyter server extension that sends the learner's reports while they share: no cell ever waits for the network.

It looks at four files every two seconds, sends what changed at once, and otherwise says every twenty seconds that the
learner is there. Nothing is queued: what could not be sent is sent as it stands at the next try.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from ecrlab.home import Home
from ecrlab_course.sharing.consent import Consent, ConsentFile, tell_status
from ecrlab_course.sharing.report import Report, Shared, shared

if TYPE_CHECKING:
    import aiohttp

BEAT, STEP, LONGEST = 20.0, 2.0, 30.0
"""Seconds: between reports without news, between two looks at the files, and at most between two tries."""
_UNIX = "http+unix"


def reach(url: str) -> tuple[str, str | None]:
    """Return the URL to ask and the Unix socket behind it, None for none: http+unix://%2Frun%2Fboard.sock/board/."""
    parts = urlsplit(url)
    if parts.scheme == _UNIX:
        return f"http://board{parts.path}", unquote(parts.netloc)
    return url, None


class Reporter:
    """Sends one learner's reports. `idle` says how many seconds ago a cell ran last, None where no kernel runs."""

    def __init__(self, home: Home, idle: Callable[[], float | None] = lambda: None) -> None:
        self.home = home
        self.idle = idle
        self.file = ConsentFile.of(home)
        self._sent: dict[str, Shared] = {}
        self._told = -BEAT
        self._last: tuple[bool, str, tuple[str, ...]] | None = None
        self._stamps: tuple[int, ...] = ()
        self._seen: tuple[Consent, str, dict[str, Shared]] = (Consent(), "", {})
        self.failures = 0
        self._hand_seen = 0.0

    def _look(self) -> tuple[Consent, str, dict[str, Shared]]:
        """Return what the learner said, the lesson and the records; the files are read when one of them changed."""
        names = ("classroom.json", self.home.progress.name, "drills.json", "tickets.json")
        stamps = tuple(_stamp(self.home.progress.with_name(name)) for name in names)
        if stamps != self._stamps:
            consent = self.file.get()
            lesson, records = shared(self.home.progress) if consent.share else ("", {})
            self._seen, self._stamps = (consent, lesson, records), stamps
        return self._seen

    @property
    def wait(self) -> float:
        """Seconds until the next look: two, and more while the board does not answer."""
        return min(STEP * 2**self.failures, LONGEST) if self.failures else STEP

    async def step(self, session: aiohttp.ClientSession) -> None:
        """Look once, and send what there is to send. Raises nothing because of the board or the network."""
        consent, lesson, records = self._look()
        if not consent.is_joined:
            return
        if consent.forget:
            if await self._post(session, consent, "forget", {}) is not None:
                self.file.put(forget=None)
                self._sent.clear()
                tell_status(self.home, forgotten=time.time())
        elif consent.share:
            await self._report(session, consent, lesson, records)
        elif self._last is not None and await self._post(session, consent, "leave", {}) is not None:
            self._sent.clear()
            self._last = None

    async def _report(
        self, session: aiohttp.ClientSession, consent: Consent, lesson: str, records: dict[str, Shared]
    ) -> None:
        news = {name: record for name, record in records.items() if self._sent.get(name) != record}
        state = (consent.hand, lesson, consent.got)
        if not news and state == self._last and time.monotonic() - self._told < BEAT:
            return
        report = Report(datetime.now(UTC), lesson, self.idle(), consent.hand, consent.got, news)
        answer = await self._post(session, consent, "report", report.body())
        if answer is None:
            return
        self._told, self._last = time.monotonic(), state
        self._sent |= news
        # The board was emptied, or is another one: it is given all of it at the next look.
        if not isinstance(answer.get("have"), int) or answer["have"] < len(self._sent):
            self._sent.clear()
        offers = [each for each in answer.get("inbox", ()) if isinstance(each, dict) and {"id", "lesson"} <= set(each)]
        if any(each["id"] not in consent.got for each in offers):
            self.file.deliver(offers)
        if answer.get("seen") and consent.hand:
            self.file.put(hand=False)
            self._hand_seen = time.time()
        name = answer.get("name")
        if isinstance(name, str) and name != consent.name:
            self.file.put(name=name[:40])
        tell_status(self.home, heard=time.time(), seen=self._hand_seen)

    async def _post(
        self, session: aiohttp.ClientSession, consent: Consent, what: str, body: dict[str, Any]
    ) -> dict[str, Any] | None:
        import aiohttp

        url, _ = reach(consent.url)
        headers = {"Authorization": f"Bearer {consent.token}", "X-Board": "1"}
        try:
            limit = aiohttp.ClientTimeout(total=5)
            async with session.post(url + what, json=body, headers=headers, timeout=limit) as answer:
                found = await answer.json() if answer.status == 200 else None
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError):
            found = None
        if not isinstance(found, dict):
            self.failures = min(self.failures + 1, 5)
            if self.failures == 2:
                tell_status(self.home, trouble=time.time())
            return None
        self.failures = 0
        return found

    async def run(self) -> None:
        """Report until cancelled. aiohttp is loaded when something is shared first, and not before."""
        session: aiohttp.ClientSession | None = None
        to = ""
        try:
            while True:
                # Whatever is wrong with a file or a board: the next look may find it well again.
                with contextlib.suppress(Exception):
                    consent = self._look()[0]
                    if session is not None and consent.url != to:
                        await session.close()
                        session = None
                    if session is None and consent.is_joined and (consent.share or consent.forget):
                        session, to = _session(consent.url), consent.url
                    if session is not None:
                        await self.step(session)
                await asyncio.sleep(self.wait)
        finally:
            if session is not None:
                await session.close()


def _session(url: str) -> aiohttp.ClientSession:
    import aiohttp

    socket = reach(url)[1]
    connector = aiohttp.UnixConnector(socket) if socket else None
    return aiohttp.ClientSession(trust_env=False, connector=connector)


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _idle(server: Any) -> float | None:
    seen = [
        kernel.last_activity
        for kernel in server.kernel_manager._kernels.values()
        if getattr(kernel, "last_activity", None) is not None
    ]
    return max(0.0, (datetime.now(UTC) - max(seen)).total_seconds()) if seen else None


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "ecrlab_course.sharing.reporter"}]


def _load_jupyter_server_extension(server: Any) -> None:
    reporter = Reporter(Home.find(), lambda: _idle(server))

    async def begin() -> None:
        # Kept at the server: a task that nobody holds may be thrown away while it runs.
        server._ecrlab_reporter = asyncio.get_running_loop().create_task(reporter.run())

    server.io_loop.add_callback(begin)
