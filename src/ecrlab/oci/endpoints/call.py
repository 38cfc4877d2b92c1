"""One request for one repository, and the forms that a path and a query must have."""

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from aiohttp import web

from ecrlab.oci.backend import Key
from ecrlab.oci.error import OciError
from ecrlab.store import DigestInvalid, algorithm_of

#: Names may be longer than a repository's 255, by the registry host that stands before it.
MAX_NAME: Final = 512

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")


class Call:
    """One request for one repository.

    Args:
        request: as it came.
        name: the repository's, as the client wrote it.
        key: where the store keeps that repository.
        reference: what the path ends with.
    """

    __slots__ = ("key", "name", "reference", "request")

    def __init__(self, request: web.Request, name: str, key: Key, reference: str) -> None:
        self.request, self.name, self.key, self.reference = request, name, key, reference


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


def is_name(name: str) -> bool:
    """Whether a repository may be called so (OCI distribution 1.1), with a host before it or not."""
    return len(name) <= MAX_NAME and _NAME.fullmatch(name) is not None


def not_allowed(request: web.Request, methods: Iterable[str]) -> OciError:
    """The 405 that says which methods there are."""
    allowed = ", ".join(methods)
    text = f"{request.method[:20]} is not supported here, only {allowed}"
    return OciError(405, "UNSUPPORTED", text, headers={"Allow": allowed})


def check_digest(digest: str) -> str:
    """Return the algorithm of a digest.

    Raises:
        OciError: it is none (400 DIGEST_INVALID).
    """
    try:
        return algorithm_of(digest)
    except DigestInvalid as error:
        raise OciError(400, "DIGEST_INVALID", str(error)) from None


def encodable(text: str | None) -> bool:
    """Whether a piece of a query can be asked of the database: a lone surrogate cannot."""
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        return False
    return True
