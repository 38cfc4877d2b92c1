"""The checkpoints of a small lesson for the tests, no part of the course, and what its exercises are tried with."""

from __future__ import annotations

import json
from collections.abc import Callable

from ecrlab_course.authoring import Lab, Refused, requests

APP = "my-web-app"
ARN = f"arn:aws:ecr:us-east-1:123456789012:repository/{APP}"


def fresh(lab: Lab) -> None:
    """No repository; everybody has the rights of the seed."""
    lab.clear(APP)
    lab.user("ci", "developer")


def pushed(lab: Lab) -> None:
    """`fresh`, and my-web-app:1.0 pushed by admin."""
    fresh(lab)
    lab.client("ecr").create_repository(repositoryName=APP)
    lab.push(APP, "1.0")


CHECKPOINTS = {"fresh": fresh, "pushed": pushed}


def log_in(lab: Lab, profile: str = "admin") -> None:
    """Fetch a token, as `docker login` does."""
    lab.client("ecr", profile).get_authorization_token()


def push(lab: Lab, tag: str, profile: str = "admin") -> None:
    """Push as that profile; a refusal is an outcome like any other."""
    try:
        lab.push(APP, tag, b"booking page", profile)
    except Refused:
        return


def give(user: str, *actions: str, on: str = ARN) -> Callable[[Lab], object]:
    """Return a step that gives the user a policy of its own."""
    statement = {"Effect": "Allow", "Action": actions, "Resource": on}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return lambda lab: lab.client("iam").put_user_policy(UserName=user, PolicyName="push", PolicyDocument=document)


def attach(user: str, managed: str) -> Callable[[Lab], object]:
    """Return a step that attaches a managed policy."""
    arn = f"arn:aws:iam::aws:policy/{managed}"
    return lambda lab: lab.client("iam").attach_user_policy(UserName=user, PolicyArn=arn)


def reset_users(*names: str) -> Callable[[Lab], object]:
    """Return what gives these users the rights of the seed back."""
    return lambda lab: lab.user(*names)


def last_push(lab: Lab) -> str | None:
    """Return how the last push ended."""
    rows = requests(lab, "registry")
    if not rows:
        return None
    return "done" if any(row.puts(APP) for row in rows) else "no login" if rows[-1].status == 401 else "no right"


def push_without_login(lab: Lab) -> None:
    """Ask the registry for a place to upload to, without a login."""
    lab.sh(f'curl -sS -X POST "http://${{REGISTRY%%/*}}/v2/${{REGISTRY#*/}}/{APP}/blobs/uploads/" -o /dev/null')
