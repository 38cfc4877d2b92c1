"""A request below /v2/ for a repository that does not exist: who might make it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecrlab.aws.identity.identities import Principal
from ecrlab.oci import Operation
from ecrlab.policy import Decision

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud


@dataclass(frozen=True)
class Missing:
    """What is asked of the repository ``name`` in a registry that has no such repository.

    ``reference`` is the tag, digest or upload id in the path; ``now`` lab time in epoch seconds. ``ask`` puts an action
    on this repository to IAM for the principal, and notes the decision for the X-ray.
    """

    cloud: Cloud
    principal: Principal
    account: str
    region: str
    name: str
    operation: Operation
    reference: str | None
    now: float
    ask: Callable[[str], Decision]

    @property
    def registry(self) -> str:
        return f"{self.account}/{self.region}"


Maker = Callable[[Missing], Awaitable[bool]]
MAKERS: list[Maker] = []


def maker(function: Maker) -> Maker:
    """Register a function that may make the missing repository: it returns whether it exists now.

    The request then goes on as if it had been there before, and its permissions are asked. Runs on the event loop.
    It raises OciError to refuse the request with a text of its own.
    """
    MAKERS.append(function)
    return function


async def made(missing: Missing) -> bool:
    """Ask the makers in their order; return whether the repository exists now."""
    for function in MAKERS:
        if await function(missing):
            return True
    return False
