"""What docker does with containers: `docker commit` finds none, and the rest needs an engine."""

from __future__ import annotations

from ecrlab.standin.command import Call, Command, Flag
from ecrlab.standin.errors import from_daemon


def commit(call: Call) -> None:
    """Answer as docker does where there is no such container: the stand-in has none."""
    raise from_daemon(f"No such container: {call.arguments[0]}")


# Commands of docker's that start, change or look at containers, or that belong to an engine.
_CONTAINERS = """
    run exec ps stats diff compose attach cp create events export import kill logs pause port rename
    restart rm start stop top unpause update wait container network volume system builder buildx context
    plugin swarm service stack node secret config trust manifest search checkpoint
"""


ENGINE_ONLY = frozenset(_CONTAINERS.split())


COMMANDS = {
    "commit": Command(
        "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
        1,
        2,
        (Flag("author", "a", True), Flag("change", "c", True), Flag("message", "m", True), Flag("pause", "p")),
        commit,
    )
}
