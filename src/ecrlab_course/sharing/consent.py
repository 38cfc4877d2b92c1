"""The learner's word: whether anything is shared, with which board, and what came back. Off until they say yes."""

from __future__ import annotations

import json
import os
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ecrlab.home import Home, read_json, write_private
from ecrlab_course.messages import say
from ecrlab_course.progress import KeptFile

URL, TOKEN = "ECRLAB_BOARD_URL", "ECRLAB_BOARD_TOKEN"
"""Variables with which a hub names its board and the learner's token for it."""
PORT = 4599
"""The board's port, unless another is named."""
_SECONDS = 5


class SharingError(Exception):
    """The board could not be joined; the text says what was seen and what helps."""


@dataclass(frozen=True)
class Consent:
    """What the learner said, and what the board needs to know them again.

    `forget`: what the board holds is to be deleted there, and was not yet. `inbox`: the instructor's offers, {"id",
    "lesson"}; `got`: the ids of those that have arrived, `answered` of those taken up or left.
    """

    share: bool = False
    hand: bool = False
    url: str = ""
    token: str = ""
    name: str = ""
    forget: bool = False
    inbox: tuple[Mapping[str, str], ...] = ()
    got: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_joined(self) -> bool:
        """Whether there is a board to share with."""
        return bool(self.url and self.token)

    @property
    def open(self) -> list[Mapping[str, str]]:
        """The offers that were neither taken up nor left."""
        return [each for each in self.inbox if each["id"] not in self.answered]


class ConsentFile(KeptFile):
    """classroom.json beside the progress file, readable by its owner only: the token in it is the learner's."""

    parts = ("sharing",)

    @classmethod
    def of(cls, home: Home) -> ConsentFile:
        """Return the file of a home."""
        return cls(home.progress.with_name("classroom.json"))

    def get(self) -> Consent:
        """Return what the learner said; a hub's board stands for one that was never joined."""
        kept = self.read()["sharing"]
        offers = tuple(
            each for each in kept.get("inbox", []) if isinstance(each, dict) and {"id", "lesson"} <= set(each)
        )
        return Consent(
            share=kept.get("share") is True,
            hand=kept.get("hand") is True,
            forget=kept.get("forget") is True,
            url=str(kept.get("url") or os.environ.get(URL, "")),
            token=str(kept.get("token") or os.environ.get(TOKEN, "")),
            name=str(kept.get("name", "")),
            inbox=offers,
            got=tuple(map(str, kept.get("got", ()))),
            answered=tuple(map(str, kept.get("answered", ()))),
        )

    def put(self, **values: Any) -> Consent:
        """Set values; None removes one. Return what is kept now."""

        def edit(data: dict[str, Any]) -> None:
            for name, value in values.items():
                if value is None:
                    data["sharing"].pop(name, None)
                else:
                    data["sharing"][name] = value

        self.change(edit)
        return self.get()

    def deliver(self, offers: Sequence[Mapping[str, str]]) -> None:
        """Put the instructor's offers into the inbox, each once."""

        def edit(data: dict[str, Any]) -> None:
            kept = data["sharing"].setdefault("inbox", [])
            known = {each["id"] for each in kept}
            kept += [{"id": each["id"], "lesson": each["lesson"]} for each in offers if each["id"] not in known]
            del kept[:-20]
            data["sharing"]["got"] = [each["id"] for each in kept]

        self.change(edit)

    def answer(self, offer: str) -> None:
        """Note that an offer was taken up or left."""
        self.put(answered=sorted({*self.get().answered, offer}))

    def own_id(self) -> str:
        """Return the learner's own random number, for reports in files; made when it is first asked for."""
        kept = self.read()["sharing"].get("id")
        if not isinstance(kept, str):
            kept = secrets.token_hex(5)
            self.put(id=kept)
        return kept


def status_file(home: Home) -> Path:
    """Return where the reporter says how it goes: {"heard", "trouble", "seen": seconds since 1970}."""
    return home.run / "sharing.json"


def status(home: Home) -> dict[str, Any]:
    """Return what the reporter said last; empty when it never said anything."""
    found: dict[str, Any] = read_json(status_file(home))
    return found


def tell_status(home: Home, **values: Any) -> None:
    """Write how the reporter goes."""
    write_private(status_file(home), json.dumps(values) + "\n")


def address(text: str) -> str:
    """Return a board's address as people type it (192.168.1.10:4599) as a URL that ends in a slash.

    Raises SharingError for what is not one.
    """
    text = text.strip()
    url = text if "://" in text else f"http://{text}"
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("http", "https") or not parts.hostname or port == -1 or parts.username:
        raise SharingError(say("share.no_address", address=text))
    if "://" not in text and port is None:
        url = f"{parts.scheme}://{parts.netloc}:{PORT}{parts.path}"
    return url.partition("?")[0].rstrip("/") + "/"


def join(file: ConsentFile, where: str, code: str) -> Consent:
    """Ask the board at an address for a name, with the join code that the instructor shows; keep both.

    Nothing is shared by that. Whoever joined this board before keeps their name. Raises SharingError.
    """
    url, before = address(where), file.get()
    headers = {"Content-Type": "application/json", "X-Board": "1"}
    if before.url == url and before.token:
        headers["Authorization"] = f"Bearer {before.token}"
    request = urllib.request.Request(f"{url}join", json.dumps({"code": code}).encode(), headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_SECONDS) as answer:
            found = json.loads(answer.read(65536))
        token, name = str(found["token"]), str(found["name"])
    except urllib.error.HTTPError as error:
        words = {403: "share.wrong_code", 429: "share.too_many"}.get(error.code, "share.no_board")
        raise SharingError(say(words, address=where)) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise SharingError(say("share.no_board", address=where)) from None
    return file.put(url=url, token=token, name=name, inbox=None, got=None, answered=None)
