"""What ECS needs of a container engine. The lab's server brings one (`Host.runner`); it may answer, or not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


class RunFailed(Exception):  # noqa: N818 (a task that does not start, not a fault)
    """The engine did not start a container; the text is the engine's."""


@dataclass(frozen=True)
class Fetched:
    """An image that the agent has: its manifest, its config, and the files of its blobs by digest."""

    manifest: Mapping[str, Any]
    config: Mapping[str, Any]
    blobs: Mapping[str, Path]


@dataclass(frozen=True)
class Ended:
    """How a container ended: its exit code, whether its memory limit ended it, and what it had printed at last."""

    code: int
    out_of_memory: bool = False
    printed: str = ""


@dataclass(frozen=True)
class Alive:
    """A container that runs; ``health`` is HEALTHY, UNHEALTHY, or UNKNOWN: there is no check, or it is not done yet."""

    health: str = "UNKNOWN"


@dataclass(frozen=True)
class Page:
    """What a container answered to an HTTP request: the text, and whether there was more of it."""

    text: str
    cut: bool = False


class Runner(Protocol):
    """Starts and stops the containers of tasks; every call blocks, and comes from the worker's thread.

    ``task`` is ECS's document of a task, ``recipe`` a container definition with the overrides of the task in it.
    """

    def available(self) -> bool:
        """Tell whether there is an engine now."""

    def start(
        self, task: Mapping[str, Any], recipe: Mapping[str, Any], image: Fetched, environment: Mapping[str, str]
    ) -> str:
        """Start a container and return its id; the task's other containers share its network. Raises RunFailed.

        ``environment`` is what ECS adds to the recipe's.
        """

    def lead_back(self, task: Mapping[str, Any], listen: Callable[[str], int | None]) -> str:
        """Let the containers of a task, before its first is started, reach the lab; return its address inside, or "".

        ``listen`` has the lab answer containers at an address of this machine; it gives the port, None: it cannot.
        """

    def survey(self, alive: Collection[str]) -> Mapping[str, Mapping[str, Ended | Alive]]:
        """Return the containers of the tasks ``alive`` (their ids), by task and name in the recipe: how each ended, or
        that it runs. Containers of other tasks are removed. {} when the engine does not answer.
        """

    def printed(self, task: Mapping[str, Any], container: str, lines: int) -> str:
        """Return the last lines that a container printed, of both its outputs; "" when there is none any more."""

    def page(self, task: Mapping[str, Any], container: str, port: int, path: str) -> Page:
        """Ask the program that listens at a port of a task for a page. Raises RunFailed with what was seen."""

    def stop(self, task: Mapping[str, Any], seconds: Mapping[str, int]) -> Mapping[str, Ended]:
        """Stop and remove a task's containers; ``seconds`` is each one's stopTimeout. Return how they ended."""

    def close(self) -> None:
        """Remove all containers: the lab ends."""
