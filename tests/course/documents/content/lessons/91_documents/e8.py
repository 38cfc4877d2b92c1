"""91-e8: push a second version, with the room for causes. What a learner reads is in e8.md."""

from __future__ import annotations

from ecrlab_course.authoring import Lab, as_words
from ecrlab_course.authoring import push as pushed_to
from ecrlab_course.authoring.evidence import tags

from .state import APP, log_in, push

GOALS = (pushed_to(APP, "2.0"),)


class Seen:
    """The repository's tags, and whether somebody logged in."""

    def __init__(self, lab: Lab) -> None:
        self.tags = tags(lab, APP)
        self.asked = any(row["operation"] == "GetAuthorizationToken" for row in lab.rows())
        # What e8.md may name:
        self.held = as_words(sorted(self.tags)) or "nothing"


def judge(seen: Seen) -> str:
    """Return the outcome's name in e8.md."""
    if "2.0" in seen.tags:
        return "passed"
    if seen.tags:
        return "another"
    return "nothing-there" if seen.asked else "untouched"


def made(lab: Lab) -> None:
    """Create the repository."""
    lab.client("ecr").create_repository(repositoryName=APP)


def logged_out(lab: Lab) -> None:
    """Let docker forget the login for the registry."""
    lab.sh("docker logout $REGISTRY")


def anonymous(lab: Lab) -> None:
    """Push without a login: over HTTP, as docker does."""
    lab.sh(f'curl -s -o /dev/null "http://${{REGISTRY%%/*}}/v2/" # docker push {APP}:2.0')


TRIES = {
    "passed": [(made, lambda lab: push(lab, "2.0")), (made, lambda lab: lab.push(APP, "2.0"))],
    "nothing-there": [lambda lab: log_in(lab, "admin")],
    "another": [(made, lambda lab: lab.push(APP, "1.0"))],
    "no-login": [(logged_out, made, anonymous)],
}


def reset(lab: Lab) -> None:
    """Take the repository away."""
    lab.clear(APP)
