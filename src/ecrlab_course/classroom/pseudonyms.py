"""Who is who on a board: names that say nothing, tokens that prove themselves, and the secret that both come from."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Container
from pathlib import Path

from ecrlab.home import write_private

ANIMALS = (
    "Otter", "Heron", "Lynx", "Puffin", "Badger", "Kestrel", "Dolphin", "Marten", "Osprey", "Beaver", "Ibex", "Plover",
    "Seal", "Wren", "Tapir", "Gecko", "Curlew", "Bison", "Panda", "Egret", "Mole", "Raven", "Stoat", "Newt", "Owl",
    "Crane", "Hare", "Finch", "Koala", "Lemur", "Orca", "Swift",
)  # fmt: skip
_ID = re.compile(r"l-[0-9a-f]{10}")


def secret_of(folder: Path) -> bytes:
    """Return the secret of a class, kept in its folder (mode 600), made at the first call.

    It is kept because tokens come from it: a board that began with another one would know nobody.
    """
    path = folder / "secret"
    if not path.exists():
        write_private(path, secrets.token_hex(32) + "\n")
    return path.read_text(encoding="ascii").strip().encode()


def _mac(secret: bytes, what: str, about: str) -> str:
    return hmac.new(secret, f"{what}:{about}".encode(), hashlib.sha256).hexdigest()


def learner_id(secret: bytes, name: str) -> str:
    """Return the pseudonym of a hub's user. Only who has the secret can tell whose it is."""
    return f"l-{_mac(secret, 'name', name)[:10]}"


def random_id() -> str:
    """Return the pseudonym of somebody who joins without a hub."""
    return f"l-{secrets.token_hex(5)}"


def token_of(secret: bytes, learner: str) -> str:
    """Return the token with which a learner reports. Nobody has to be asked to verify it."""
    return f"{learner}.{_mac(secret, 'report', learner)[:32]}"


def learner_of(secret: bytes, token: str) -> str | None:
    """Return the pseudonym that a token was made for, None for a token that was not made with this secret."""
    learner, _, _ = token.partition(".")
    good = _ID.fullmatch(learner) and hmac.compare_digest(
        token_of(secret, learner).encode(), token.encode(errors="replace")
    )
    return learner if good else None


def join_code(secret: bytes) -> str:
    """Return what learners type to join, such as ab12-cd34: 40 bits, without letters that look like digits."""
    digest = hashlib.sha256(_mac(secret, "join", "code").encode()).digest()
    text = base64.b32encode(digest)[:8].decode().lower()
    return f"{text[:4]}-{text[4:]}"


def instructor_key(secret: bytes) -> str:
    """Return the key in the address that the instructor opens."""
    return _mac(secret, "instructor", "key")[:32]


def api_token(secret: bytes) -> str:
    """Return the token with which the commands of a class speak to its hub."""
    return _mac(secret, "class", "token")


def password_of(secret: bytes, name: str, words: int = 2) -> str:
    """Return a person's own password for the hub, such as mora-vule-12: easy to read from a slip.

    Two words are 31 bits: enough where an address may try twenty a minute. Instructors have four.
    """
    number = int(_mac(secret, "password", name), 16)
    parts = []
    for _ in range(words):
        word = ""
        for _ in range(2):
            number, place = divmod(number, len(_CONSONANTS))
            word += _CONSONANTS[place]
            number, place = divmod(number, len(_VOWELS))
            word += _VOWELS[place]
        parts.append(word)
    return "-".join([*parts, f"{number % 100:02}"])


_CONSONANTS, _VOWELS = "bdfghkmnprstvz", "aeiou"


def label_for(learner: str, taken: Container[str]) -> str:
    """Return a name to call a learner by, such as Otter 7: unique in the class, and without a meaning."""
    number = int(hashlib.sha256(learner.encode()).hexdigest(), 16)
    animal = ANIMALS[number % len(ANIMALS)]
    turn = 1 + number // len(ANIMALS) % 20
    while f"{animal} {turn}" in taken:
        turn += 1
    return f"{animal} {turn}"
