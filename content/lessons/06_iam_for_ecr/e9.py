"""06-e9: a refusal whose ending is new. What a learner reads is in e9.md."""

from __future__ import annotations

from contextlib import suppress

from botocore.exceptions import ClientError

from ecrlab_course.authoring import Lab, Result

from .state import APP, client_with, make_role, policy_file, role_arn


def cause(lab: Lab) -> Result:
    """Let ci assume deployer with a session policy that holds pulling only, and begin an upload."""
    iam = lab.client("iam")
    try:
        iam.get_role(RoleName="deployer")
    except iam.exceptions.NoSuchEntityException:
        make_role(lab, "deployer", policy_file("trust-ci"))
    iam.put_role_policy(RoleName="deployer", PolicyName="push", PolicyDocument=policy_file("push"))
    with suppress(iam.exceptions.NoSuchEntityException):
        iam.delete_role_permissions_boundary(RoleName="deployer")
    keys = lab.client("sts", "ci").assume_role(
        RoleArn=role_arn("deployer"), RoleSessionName="night-7", Policy=policy_file("pull")
    )["Credentials"]
    command = "aws ecr initiate-layer-upload --repository-name my-web-app"
    try:
        client_with(lab, "ecr", keys).initiate_layer_upload(repositoryName=APP)
    except ClientError as error:
        return Result(command, 254, f"\n{error}\n")
    return Result(command, 0, "no refusal\n")
