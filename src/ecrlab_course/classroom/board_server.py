"""The board's web server: reports come in from learners, the page and its state go out to instructors."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from aiohttp import web

from ecrlab_course.classroom.archive import Archive
from ecrlab_course.classroom.board import Board
from ecrlab_course.classroom.catalogue import Catalogue
from ecrlab_course.classroom.gates import Gate, Patience
from ecrlab_course.classroom.overview import MUTED, Asked, overview, table
from ecrlab_course.classroom.page_words import page, words
from ecrlab_course.classroom.pseudonyms import join_code, learner_of, random_id, token_of
from ecrlab_course.sharing.report import LARGEST, ReportError, accepted

FLUSH = 1.0
"""Seconds between two writes of what changed to the disk."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_TYPES = {"board.js": "text/javascript", "board.css": "text/css"}


class BoardServer:
    """One board: its state, its file, its gate. `prefix` is the path below which it answers, with slashes around."""

    def __init__(
        self,
        board: Board,
        archive: Archive | None,
        catalogue: Catalogue,
        gate: Gate,
        secret: bytes,
        prefix: str = "/",
        joins: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`joins`: whether a join code is taken; on a hub everybody gets a token when their server starts."""
        self.board = board
        self.archive = archive
        self.catalogue = catalogue
        self.gate = gate
        self.prefix = prefix
        self.joins = joins
        self.clock = clock
        self._secret = secret
        self._patience = Patience()

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application(client_max_size=LARGEST, middlewares=[_careful])
        p = self.prefix
        app.router.add_get(p, self._page)
        app.router.add_get(f"{p}{{name:board\\.(?:js|css)}}", self._file)
        app.router.add_get(f"{p}words", self._words)
        app.router.add_get(f"{p}state", self._state)
        app.router.add_get(f"{p}class.csv", self._csv)
        for name, handler in {
            "seen": self._seen, "offer": self._offer, "join": self._join, "report": self._report,
            "leave": self._leave, "forget": self._forget,
        }.items():  # fmt: skip
            app.router.add_post(f"{p}{name}", handler)
        self.gate.add_to(app, p)
        app.cleanup_ctx.append(self._keeping)
        return app

    async def _keeping(self, _app: web.Application) -> AsyncIterator[None]:
        """Write what changed once a second, and at the end."""

        async def keep() -> None:
            while True:
                await asyncio.sleep(FLUSH)
                self.flush()

        task = asyncio.create_task(keep())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        self.flush()

    def flush(self) -> None:
        """Write what changed to the disk."""
        if self.archive is not None:
            self.archive.write(self.board)

    # Instructors -----------------------------------------------------------------------------------------------------

    async def _page(self, request: web.Request) -> web.StreamResponse:
        if not await self.gate.is_instructor(request):
            return await self.gate.way_in(request)
        code = join_code(self._secret) if self.joins else ""
        return web.Response(text=page(code), content_type="text/html")

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        text = (files("ecrlab_course.classroom") / "page" / name).read_text(encoding="utf-8")
        return web.Response(text=text, content_type=_TYPES[name])

    async def _words(self, request: web.Request) -> web.Response:
        return web.json_response(words())

    async def _instructor(self, request: web.Request) -> None:
        if not await self.gate.is_instructor(request):
            raise web.HTTPForbidden(text="This is for instructors.")

    async def _state(self, request: web.Request) -> web.Response:
        await self._instructor(request)
        query = request.query
        try:
            minutes = min(max(float(query.get("minutes", "6")), 1.0), 120.0)
        except ValueError:
            minutes = 6.0
        group = query.get("group", "")
        group = group if group in self.catalogue.groups else ""
        asked = Asked(group, query.get("rows") == "1", query.get("name", "")[:40], minutes)
        body = json.dumps(overview(self.board, self.catalogue, asked, self.clock()), ensure_ascii=False).encode()
        tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        answer = web.Response(body=body, content_type="application/json", headers={"ETag": tag})
        answer.enable_compression()
        return answer

    async def _csv(self, request: web.Request) -> web.Response:
        await self._instructor(request)
        name = f"class-{time.strftime('%Y-%m-%d')}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return web.Response(text=table(self.board), content_type="text/csv", headers=headers)

    async def _act(self, request: web.Request, *names: str) -> list[str]:
        """Return the texts of an instructor's request; a page of another origin cannot send its header."""
        await self._instructor(request)
        if request.headers.get("X-Board") != "1":
            raise web.HTTPForbidden(text="This request did not come from the board's page.")
        body = await _json(request)
        found = [body.get(name) for name in names]
        if not all(isinstance(each, str) and len(each) < 100 for each in found):
            raise web.HTTPBadRequest(text="The request is not of the form.")
        return [str(each) for each in found]

    async def _seen(self, request: web.Request) -> web.Response:
        learner, reason = await self._act(request, "learner", "key")
        return self._done(lambda: self.board.mute(learner, reason, self.clock() + MUTED))

    async def _offer(self, request: web.Request) -> web.Response:
        learner, lesson = await self._act(request, "learner", "lesson")
        if lesson not in self.catalogue.lessons:
            raise web.HTTPBadRequest(text="There is no such lesson.")
        return self._done(lambda: self.board.offer(learner, lesson))

    @staticmethod
    def _done(act: Callable[[], None]) -> web.Response:
        try:
            act()
        except KeyError:
            raise web.HTTPNotFound(text="This learner is not on the board any more.") from None
        return web.json_response({"ok": True})

    # Learners --------------------------------------------------------------------------------------------------------

    def _learner(self, request: web.Request) -> str | None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        return learner_of(self._secret, token) if kind == "Bearer" else None

    def _known(self, request: web.Request) -> str:
        learner = self._learner(request)
        if learner is None:
            raise web.HTTPForbidden(text="This token is not one of this board's.")
        return learner

    async def _join(self, request: web.Request) -> web.Response:
        who = request.remote or ""
        if not self.joins:
            raise web.HTTPNotFound(text="Nobody joins this board with a code.")
        if self._patience.is_over(who):
            raise web.HTTPTooManyRequests(text="Too many wrong codes. Wait a minute.")
        body = await _json(request)
        code = str(body.get("code", "")).strip().lower().encode(errors="replace")
        if not hmac.compare_digest(code, join_code(self._secret).encode()):
            self._patience.note(who)
            raise web.HTTPForbidden(text="This is not the code.")
        learner = self.board.join(self._learner(request) or random_id(), self.clock())
        return web.json_response({"token": token_of(self._secret, learner.id), "name": learner.label})

    async def _report(self, request: web.Request) -> web.Response:
        learner = self._known(request)
        try:
            report = accepted(await _json(request))
        except ReportError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        return web.json_response(self.board.take(learner, report, self.clock()))

    async def _leave(self, request: web.Request) -> web.Response:
        self.board.leave(self._known(request))
        return web.json_response({"ok": True})

    async def _forget(self, request: web.Request) -> web.Response:
        gone = self.board.forget(self._known(request))
        self.flush()  # At once: what is forgotten is gone from the disk when this is answered.
        return web.json_response({"ok": True, "gone": gone})


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.text())
    except (ValueError, RecursionError, LookupError):  # LookupError: a charset that Python does not know
        raise web.HTTPBadRequest(text="The request is not JSON.") from None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="The request is not a table.")
    return body


@web.middleware
async def _careful(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
    try:
        answer: web.StreamResponse = await handler(request)
    except web.HTTPException as error:
        error.headers.update(HEADERS)
        raise
    answer.headers.update(HEADERS)
    return answer


async def serve(server: BoardServer, host: str, port: int, socket_path: Path | None = None) -> web.AppRunner:
    """Listen, and return what `cleanup` ends. Raises OSError where the port is taken."""
    runner = web.AppRunner(server.app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    if socket_path is not None:
        await web.UnixSite(runner, str(socket_path)).start()
        socket_path.chmod(0o666)
    return runner
