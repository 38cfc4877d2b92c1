"""The credentials of a task's role, as a container asks for them (facts D027).

The path holds a secret of the task. Each answer is of a session that is good for a quarter of an hour of lab time at
least: a moved clock gives a new one. The execution role's are never given out.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ecrlab.aws.ecs.request import SERVICE, TASKS
from ecrlab.aws.ecs.state import change
from ecrlab.aws.sts.service_sessions import Service, assume

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud

ADDRESS = "169.254.170.2"
"""Where SDKs look, on port 80."""
PATH = "/v2/credentials/"
LEFT_SECONDS = 900.0
"""A session with less left, in lab time, is not given out any more."""


def answer(cloud: Cloud, path: str) -> tuple[int, dict[str, Any]]:
    """Return status and JSON of ``GET`` to a path below `PATH`."""
    secret = path.removeprefix(PATH)
    found = next(
        (
            task
            for _, task in cloud.store.table(TASKS).items()
            if task["credentials"] and task["credentials"] == secret and task["status"] != "STOPPED"
        ),
        None,
    )
    if found is None:
        return 404, {"code": "InvalidIdInRequest", "message": "CredentialsV2Request: Credentials not found"}
    session = cloud.identities.sessions.get(found["session"]) if found.get("session") else None
    if session is None or session["expires"] - cloud.clock.time() < LEFT_SECONDS:
        session = assume(cloud, Service(SERVICE, found["arn"]), found["task_role"], found["id"], found["region"])
        if session is None:
            text = f"{SERVICE} may not assume {found['task_role']} any more"
            return 500, {"code": "CredentialsUninitialized", "message": f"CredentialsV2Request: {text}"}
        change(cloud, found["key"], session=session["id"])
    return 200, {
        "RoleArn": found["task_role"],
        "AccessKeyId": session["id"],
        "SecretAccessKey": session["secret"],
        "Token": session["token"],
        "Expiration": datetime.fromtimestamp(session["expires"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
