"""08-e11: a pull through the cache, refused in the words of a missing image. What a learner reads is in e11.md."""

from __future__ import annotations

from contextlib import suppress

from ecrlab.policy.sets import PULL
from ecrlab_course.authoring import PULL_ONLY, Lab, Result
from ecrlab_course.authoring.staging import log_in

from .state import ACCOUNT, cache_rule, give

NAME = "mirror/library/busybox"


def cause(lab: Lab) -> Result:
    """Let Omar pull what only needs to be imported; then put his rights and the rule back."""
    ecr, iam = lab.client("ecr"), lab.client("iam")
    lab.clear(NAME)
    cache_rule(lab, "mirror")
    arn = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/mirror/*"
    with suppress(iam.exceptions.NoSuchEntityException):
        iam.detach_user_policy(UserName="ops", PolicyArn=f"arn:aws:iam::aws:policy/{PULL_ONLY}")
    give(
        lab,
        "ops",
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {"Effect": "Allow", "Action": [*PULL, "ecr:CreateRepository"], "Resource": arn},
    )
    mark, command = lab.last(), f'docker pull "$REGISTRY/{NAME}"'
    try:
        code, output = lab.sh(f"{command} 2>&1 | tail -1", "ops")
        rows = [row for row in lab.rows(after=mark) if row["action"]]
        if not rows:  # his login is gone, or too old; one that is good stays as it is
            log_in(lab, "ops")
            mark = lab.last()
            code, output = lab.sh(f"{command} 2>&1 | tail -1", "ops")
            rows = [row for row in lab.rows(after=mark) if row["action"]]
    finally:
        lab.user("ops")
        lab.clear(NAME)
        ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="mirror")
    said = output.strip().replace(lab.registry, "$REGISTRY")
    row = rows[-1]
    shown = f"{row['method']} manifest · {row['action']} · {row['decision']} · {row['status']}"
    return Result(command, code, f"{said}\n\nlast row of the X-ray:\n{shown}\n")
