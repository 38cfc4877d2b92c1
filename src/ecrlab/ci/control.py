"""What the lab's control interface may do with the git server: tokens, its key, its repositories and runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ecrlab.ci.errors import CiError
from ecrlab.ci.issuer import AUDIENCE, LIFETIME, NAME, Issuer
from ecrlab.ci.repositories import Update
from ecrlab.ci.runs import RUNNING, WAITING, Run, Runs
from ecrlab.ci.subject import REPOSITORY, subject

Answer = dict[str, Any]


class CiControl:
    """Carries out requests below ``/_ecrlab/ci``. Bodies and answers are JSON objects; refusals are CiError.

    ``address`` gives the issuer's ``localhost:PORT``, or None when its port cannot be opened.
    """

    def __init__(self, issuer: Issuer, runs: Runs, address: Callable[[], str | None]) -> None:
        self._issuer = issuer
        self._runs = runs
        self._address = address

    async def status(self, body: Answer) -> Answer:
        """Return the issuer's name and address, whether it answers, and the id of its key."""
        issuer = self._issuer
        repositories = [
            {"name": name, "path": str(self._runs.repositories.path(name)), "role": self._runs.role(name)}
            for name in self._runs.repositories.names()
        ]
        shown = {"issuer": NAME, "address": self._address(), "on": issuer.on, "key": issuer.key_id}
        return {**shown, "repositories": repositories}

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
        try:
            token = self._issuer.token(
                wanted,
                _text(body, "audience") or AUDIENCE,
                age=_number(body, "age", 0),
                lifetime=_number(body, "lifetime", LIFETIME),
                without=tuple(without),
                more=claims,
            )
        except (TypeError, UnicodeError) as error:  # the library that signs takes some claims of one type alone
            raise CiError(400, f"No token can be made of these claims: {str(error).rstrip('.')}.") from None
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

    async def repository(self, body: Answer) -> Answer:
        """Make the repository ``name`` if it is missing, and set its ``role`` if one is given; return its ``path``."""
        name, role = _text(body, "name") or REPOSITORY, _text(body, "role")
        path = await asyncio.to_thread(self._runs.repositories.make, name)
        if role is not None:
            self._runs.set_role(name, role)
        return {"name": name, "path": str(path), "role": self._runs.role(name)}

    async def pushed(self, body: Answer) -> Answer:
        """Begin the runs of a push: ``repository``, ``updates`` (a list of [old, new, ref]); return them, and notes."""
        updates = body.get("updates")
        if not isinstance(updates, list) or not all(_is_update(each) for each in updates):
            raise CiError(400, f"updates is a list of [old, new, ref], not {updates!r:.200}.")
        runs, notes = await self._runs.pushed(
            _text(body, "repository") or REPOSITORY, [Update(*each) for each in updates]
        )
        return {"runs": [_shown(run) for run in runs], "notes": notes}

    async def begin(self, body: Answer) -> Answer:
        """Begin a run of a ``ref`` of a ``repository``, or ``again`` one of this number; return it."""
        again = body.get("again")
        if again is not None:
            before = self._runs.get(again)
            return _shown(
                await self._runs.begin(before["repository"], before["ref"], before["commit"], before["number"])
            )
        return _shown(await self._runs.begin(_text(body, "repository") or REPOSITORY, _text(body, "ref") or "main"))

    async def runs(self, body: Answer) -> Answer:
        """Return all runs, the oldest first."""
        return {"runs": [_shown(run) for run in self._runs.all()]}

    async def output(self, body: Answer) -> Answer:
        """Return a run and what it printed behind byte ``after``, waiting ``wait`` seconds at most for something."""
        after, wait = int(_number(body, "after", 0)), min(_number(body, "wait", 0), 60.0)
        run, text = await self._runs.output(body.get("number"), after, wait)
        if run["state"] in (WAITING, RUNNING):
            text = _whole(text)
        return {"run": _shown(run), "text": text.decode("utf-8", "replace"), "next": after + len(text)}

    async def reset(self) -> list[str]:
        """Put the git server back to its start, its key apart; return in words what was changed."""
        removed = await self._runs.reset()
        if self._issuer.on:
            return removed
        self._issuer.switch(True)
        return [*removed, "the switch that kept the git server off"]


def _shown(run: Run) -> Answer:
    return {name: value for name, value in run.items() if name != "process"}


def _whole(text: bytes) -> bytes:
    """Return UTF-8 without the character at its end that has only begun."""
    for length in range(1, min(4, len(text) + 1)):
        lead = text[-length]
        if lead >= 0xC0:
            wanted = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            return text[:-length] if length < wanted else text
        if lead < 0x80:
            break
    return text


def _is_update(each: object) -> bool:
    return isinstance(each, list) and len(each) == 3 and all(isinstance(text, str) for text in each)


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
