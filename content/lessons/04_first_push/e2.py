"""04-e2: a push by a docker that has no login. What a learner reads is in e2.md."""

from __future__ import annotations

from contextlib import suppress

from ecrlab_course.authoring import Lab, Refused
from ecrlab_course.authoring.staging import log_in, log_out, make_repository

from .state import APP, guessed, push_app

e2_seen = guessed(("done", "a"), ("no login", "b"), ("no repository", "c"), ("no right", "d"))


def without_login(lab: Lab) -> None:
    """Tag my-web-app:1.0 for the registry and push it, as the next cell does."""
    push_app(lab, "1.0")


def with_login_and_repository(lab: Lab) -> None:
    """Read ahead: log in and create the repository, and push then."""
    log_in(lab)
    make_repository(lab, APP)
    lab.push(APP, "1.0")


def with_login(lab: Lab) -> None:
    """Log in, and push through the registry's API to a repository that nobody created."""
    log_in(lab)
    with suppress(Refused):
        lab.push(APP, "1.0")


def as_omar(lab: Lab) -> None:
    """Push as somebody who may not."""
    make_repository(lab, APP)
    with suppress(Refused):
        lab.push(APP, "1.0", profile="ops")


# Each of these is another world than the page's: what really happened decides, whatever the page expects.
TRIES = {
    "a": [with_login_and_repository],
    "c": [with_login],
    "d": [as_omar],
    # The last push counts: the refusal before it is history.
    "b": [(with_login, lambda lab: log_out(lab, "admin"), without_login)],
}


def reset(lab: Lab) -> None:
    """Return to a docker without a login and a registry without the repository."""
    log_out(lab, "admin")
    lab.clear(APP)
