"""09-e7: the permissions on the wrong role. What a learner reads is in e7.md."""

from __future__ import annotations

from ecrlab_course.authoring import Lab

from .e6 import reset as stop_tasks
from .state import APP, EXECUTION, LANDING, LOGIN, SERVICE_TRUST, TASK, make_role, may_pull, moved_rights_seen, run_task

__all__ = ["moved_rights_seen"]


def moved(lab: Lab) -> None:
    """Move the permissions, and run a task, as the next cell does."""
    make_role(lab, EXECUTION, SERVICE_TRUST)
    make_role(lab, TASK, SERVICE_TRUST, *may_pull(APP, LANDING))
    run_task(lab, APP)


def as_it_was(lab: Lab) -> None:
    """Run a task with nothing moved."""
    run_task(lab, APP)


def login_stays(lab: Lab) -> None:
    """Move all but the login, and run a task."""
    make_role(lab, EXECUTION, SERVICE_TRUST, LOGIN)
    run_task(lab, APP)


def gone(lab: Lab) -> None:
    """Run a task of an image that is not there."""
    register = lab.client("ecs").register_task_definition
    found = lab.client("ecs").describe_task_definition(taskDefinition=APP)["taskDefinition"]
    names = ("family", "networkMode", "requiresCompatibilities", "cpu", "memory", "executionRoleArn")
    image = found["containerDefinitions"][0]["image"].partition("@")[0] + ":gone"
    register(**{name: found[name] for name in names}, containerDefinitions=[{"name": "page", "image": image}])
    run_task(lab, APP)


TRIES = {"a": [as_it_was], "b": [moved], "c": [login_stays], "d": [gone]}


def reset(lab: Lab) -> None:
    """The roles have what they had, one revision is registered, and nothing runs."""
    stop_tasks(lab)
    make_role(lab, EXECUTION, SERVICE_TRUST, *may_pull(APP, LANDING))
    make_role(lab, TASK, SERVICE_TRUST)
