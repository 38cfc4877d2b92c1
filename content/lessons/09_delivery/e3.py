"""09-e3: a job that names its environment. What a learner reads is in e3.md."""

from __future__ import annotations

from botocore.exceptions import ClientError

from ecrlab_course.authoring import Lab, Result

from .state import PIPELINE, role_arn


def cause(lab: Lab) -> Result:
    """Show STS the letter of a job with an environment."""
    given = {"environment": "production"}
    command = "aws sts assume-role-with-web-identity --role-arn … --web-identity-token …"
    said = f"sub: {lab.ci.subject(**given)}\n"
    try:
        lab.client("sts").assume_role_with_web_identity(
            RoleArn=role_arn(PIPELINE), RoleSessionName="run-1", WebIdentityToken=lab.ci.token(**given)
        )
    except ClientError as error:
        return Result(command, 254, f"{said}\n{error}\n")
    return Result(command, 0, f"{said}no refusal\n")
