"""What is known of a request while it is answered, for the X-ray."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from ecrlab.aws.identity.bearer import Bearer
from ecrlab.aws.identity.identities import Principal


@dataclass
class Record:
    """Filled in step by step by whoever answers the request.

    ``account`` and ``region`` are the caller's for an API, the registry's below /v2/; ``reason`` counts when IAM was
    not asked; ``decisions`` has one entry for each question that was put to IAM. ``request_id`` to ``message`` are of
    an API call: what was asked and answered, or the error with the name of its shape.
    """

    service: str
    operation: str | None = None
    principal: Principal | None = None
    account: str | None = None
    region: str | None = None
    reason: str = ""
    error: str | None = None
    decisions: list[dict[str, Any]] = field(default_factory=list)
    request_id: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    code: str = ""
    message: str = ""
    # Whoever came with an identity token in place of a signature.
    bearer: Bearer | None = None
    # The connection was ended without an answer: the Region is switched off.
    cut: bool = False


RECORD: Final = web.RequestKey("ecrlab.record", Record)
