"""The one recorder of ECR's side: a row of the X-ray for each request that a handler answers, and for each act."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from ecrlab.aws.act import Act
from ecrlab.aws.cloudtrail import trail
from ecrlab.aws.gist import gist
from ecrlab.aws.record import RECORD, Record
from ecrlab.clock import Clock
from ecrlab.oci import ERROR, count_received, count_sent, said
from ecrlab.xray import Entry, XRay

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Recorder:
    """Writes into one X-ray, by lab time."""

    def __init__(self, xray: XRay, clock: Clock) -> None:
        self._xray = xray
        self._clock = clock
        self._loop = asyncio.get_running_loop()

    async def answer(self, request: web.Request, record: Record, handler: Handler) -> web.StreamResponse:
        """Answer by ``handler``, which fills ``record`` in, and record how it ended, also when it failed."""
        begun = time.perf_counter()
        request[RECORD] = record
        status = 499  # the client went away
        response: web.StreamResponse | None = None
        try:
            response = await handler(request)
            status = 0 if record.cut else response.status
            return response
        finally:
            self._xray.record(
                Entry(
                    now=self._clock.time(),
                    user_agent=request.headers.get("User-Agent", ""),
                    principal=record.principal.arn if record.principal else None,
                    account=record.account,
                    region=record.region,
                    service=record.service,
                    method=request.method,
                    path=request.raw_path,
                    operation=record.operation,
                    decisions=record.decisions,
                    reason=record.reason,
                    status=status,
                    error=record.error or request.get(ERROR),
                    said=said(response),
                    bytes_in=count_received(request),
                    bytes_out=count_sent(request, response),
                    duration_ms=(time.perf_counter() - begun) * 1000,
                    trail=trail.kept(record, request, response),
                    shows=gist(record),
                )
            )

    def acted(self, act: Act) -> None:
        """Record what a service did by itself; comes from a worker's thread."""
        with contextlib.suppress(RuntimeError):  # the lab is about to end
            self._loop.call_soon_threadsafe(self._record_act, act)

    def _record_act(self, act: Act) -> None:
        self._xray.record(
            Entry(
                now=self._clock.time(),
                user_agent=act.service,
                principal=act.principal.arn,
                account=act.account,
                region=act.region,
                service=act.api,
                method="POST",
                path="/",
                operation=act.operation,
                decisions=act.decisions,
                status=200 if act.code is None else 400,
                error=act.code,
                bytes_in=act.moved,
                bytes_out=0,
                duration_ms=0.0,
                trail=trail.kept_act(act),
                origin=act.origin,
                shows=_session(act),
            )
        )


def _session(act: Act) -> dict[str, str] | None:
    return {"session_name": act.parameters["roleSessionName"]} if "roleSessionName" in act.parameters else None
