"""What the lab's control interface may do with the git server: ask it for a token, rotate its key, take it away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ecrlab.ci.errors import CiError
from ecrlab.ci.issuer import AUDIENCE, LIFETIME, NAME, Issuer
from ecrlab.ci.subject import REPOSITORY, subject

Answer = dict[str, Any]


class CiControl:
    """Carries out requests below ``/_ecrlab/ci``. Bodies and answers are JSON objects; refusals are CiError.

    ``address`` gives the issuer's ``localhost:PORT``, or None when its port cannot be opened.
    """

    def __init__(self, issuer: Issuer, address: Callable[[], str | None]) -> None:
        self._issuer = issuer
        self._address = address

    async def status(self, body: Answer) -> Answer:
        """Return the issuer's name and address, whether it answers, and the id of its key."""
        issuer = self._issuer
        return {"issuer": NAME, "address": self._address(), "on": issuer.on, "key": issuer.key_id}

    async def token(self, body: Answer) -> Answer:
        """Sign a token: for a run (``ref``, ``environment``, ``repository``), or for a ``subject`` as it stands.

        Also ``audience``, ``age`` and ``lifetime`` in seconds, ``without`` (names of claims), ``claims`` (more).
        """
        wanted = _text(body, "subject")
        if wanted is None:
            ref, repository = _text(body, "ref") or "main", _text(body, "repository") or REPOSITORY
            wanted = subject(ref, _text(body, "environment"), repository)
        without, claims = body.get("without", []), body.get("claims", {})
        if not isinstance(without, list) or not all(isinstance(name, str) for name in without):
            raise CiError(400, f"without is a list of names of claims, not {without!r:.80}.")
        if not isinstance(claims, dict):
            raise CiError(400, f"claims is an object, not {claims!r:.80}.")
        token = self._issuer.token(
            wanted,
            _text(body, "audience") or AUDIENCE,
            age=_number(body, "age", 0),
            lifetime=_number(body, "lifetime", LIFETIME),
            without=tuple(without),
            more=claims,
        )
        return {"token": token, "subject": wanted}

    async def issuer(self, body: Answer) -> Answer:
        """Change the issuer: ``on`` true or false, or ``rotate`` true; return its status."""
        if body.get("rotate") is True:
            self._issuer.rotate()
        elif isinstance(body.get("on"), bool):
            self._issuer.switch(body["on"])
        else:
            raise CiError(400, 'Expected {"on": true or false} or {"rotate": true}.')
        return await self.status({})

    def reset(self) -> list[str]:
        """Put the git server back to its start, its key apart; return in words what was changed."""
        if self._issuer.on:
            return []
        self._issuer.switch(True)
        return ["the switch that kept the git server off"]


def _text(body: Answer, name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise CiError(400, f"{name} is a text, not {value!r:.80}.")
    return value


def _number(body: Answer, name: str, default: float) -> float:
    value = body.get(name, default)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise CiError(400, f"{name} is a number of seconds, not {value!r:.80}.")
    return float(value)
