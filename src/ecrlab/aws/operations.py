"""What an operation is given, and the register of the operations that exist."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from ecrlab.aws.context import RequestContext
from ecrlab.aws.identity.identities import Principal

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud
    from ecrlab.aws.identity.bearer import Bearer


@dataclass
class Call:
    """One API request after authentication and validation.

    ``account`` is the caller's, ``region`` the one the request was signed for; ``now`` lab time in epoch seconds;
    ``host`` the Host header as received, for addresses in answers; ``decisions`` collects what IAM was asked;
    ``bearer`` is who came with an identity token, verified, in place of a signature.
    """

    cloud: Cloud
    principal: Principal
    service: str
    operation: str
    params: dict[str, Any]
    region: str
    now: float
    host: str
    source_ip: str
    user_agent: str
    decisions: list[dict[str, Any]] = field(default_factory=list)
    bearer: Bearer | None = None

    @property
    def account(self) -> str:
        return self.principal.account

    @property
    def context(self) -> RequestContext:
        return RequestContext(self.region, self.now, self.source_ip, self.user_agent)


Handler = Callable[[Call], dict[str, Any] | None]
HANDLERS: dict[tuple[str, str], Handler] = {}
# How an operation that does less than AWS documents differs; the others do what AWS documents (docs/fidelity.md).
SIMPLIFIED: dict[tuple[str, str], str] = {}

# Answers that a waiter's poll waits for a little, by what of them says that something is on its way (`held`).
HELD: dict[tuple[str, str], Callable[[Mapping[str, Any]], bool]] = {}

F = TypeVar("F", bound=Handler)


def operation(service: str, *names: str, simplified: str = "") -> Callable[[F], F]:
    """Register a function as the implementation of one or several operations of ``service``.

    ``simplified`` says in a sentence how they do less than AWS documents.
    """

    def register(function: F) -> F:
        for name in names:
            HANDLERS[service, name] = function
            if simplified:
                SIMPLIFIED[service, name] = simplified
        return function

    return register


def held(service: str, name: str, moving: Callable[[Mapping[str, Any]], bool]) -> None:
    """Let the polls of waiters for an operation wait while ``moving`` says of its answer that something is on its way.

    A waiter of botocore sleeps for 6 or 15 seconds between two looks, and the lab is done in one.
    """
    HELD[service, name] = moving


_FEATURES = re.compile(r"(?:^|\s)m/([\w,+]+)")


def is_waiter(user_agent: str) -> bool:
    """Tell by the User-Agent whether a waiter of botocore asks: it has the letter B among its features."""
    found = _FEATURES.search(user_agent)
    return found is not None and "B" in found[1].split(",")


def page(
    items: list[Any], token: str | None, size: int, refuse: Callable[[], Exception]
) -> tuple[list[Any], str | None]:
    """Return one page of ``items`` and the token of the next; a token is the opaque form of a position.

    ``refuse`` makes the exception for a token that this lab never gave out.
    """
    start = 0
    if token:
        try:
            start = int(bytes.fromhex(token).decode("ascii").removeprefix("at:"))
        except ValueError as error:
            raise refuse() from error
        if start < 0:
            raise refuse()
    end = start + size
    return items[start:end], f"at:{end}".encode().hex() if end < len(items) else None
