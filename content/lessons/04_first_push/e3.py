"""04-e3: the same push, now with a login. What a learner reads is in e3.md."""

from __future__ import annotations

from contextlib import suppress

from ecrlab_course.authoring import Lab, Refused
from ecrlab_course.authoring.staging import log_in, log_out, make_repository

from .state import APP, guessed, push_app

e3_seen = guessed(("done", "a"), ("no repository", "b"), ("no right", "c"), ("expired", "d"), ("no login", "e"))


def push_again(lab: Lab) -> None:
    """Push to a repository that does not exist, as the next cell does."""
    push_app(lab, "1.0")


def made_before(lab: Lab) -> None:
    """Create the repository, and push then."""
    make_repository(lab, APP)
    lab.push(APP, "1.0")


def as_omar(lab: Lab) -> None:
    """Push as somebody who may not, into a repository that is there."""
    make_repository(lab, APP)
    with suppress(Refused):
        lab.push(APP, "1.0", profile="ops")


def half_a_day_later(lab: Lab) -> None:
    """Let the login expire before the push."""
    lab.clock.advance(hours=12, minutes=1)
    push_app(lab, "1.0")


def logged_out(lab: Lab) -> None:
    """Push after a logout."""
    log_out(lab, "admin")
    push_app(lab, "1.0")


# Each of these is another world than the page's: what really happened decides, whatever the page expects.
TRIES = {"a": [made_before], "c": [as_omar], "d": [half_a_day_later], "e": [logged_out]}


def reset(lab: Lab) -> None:
    """Return to a known admin without a repository, at the time of day that it is."""
    lab.clock.reset()
    log_in(lab)
    lab.clear(APP)
