"""Measure decisions a second: python bench/policy.py [--seconds S]

A typical principal: a user with five attached policies, one of them of its group, a permissions boundary and one level
of service control policies, who pushes to a repository that has a policy of its own.
"""

import argparse
import json
import time

from ecrlab.policy import Attached, Policies, Request, evaluate, parse_policy

PUSH = (
    "BatchCheckLayerAvailability",
    "InitiateLayerUpload",
    "UploadLayerPart",
    "CompleteLayerUpload",
    "PutImage",
    "BatchGetImage",
    "GetDownloadUrlForLayer",
)
READ = ("DescribeRepositories", "DescribeImages", "ListImages", "ListTagsForResource", "GetLifecyclePolicy")
REPOSITORY = "arn:aws:ecr:us-east-1:123456789012:repository"


def statement(actions: tuple[str, ...], resource: str, effect: str = "Allow", **more: object) -> dict[str, object]:
    return {"Effect": effect, "Action": [f"ecr:{each}" for each in actions], "Resource": resource, **more}


def document(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


IDENTITY = {
    "Login": document(statement(("GetAuthorizationToken",), "*")),
    "Read": document(statement(READ, "*")),
    "Push": document(statement(PUSH, f"{REPOSITORY}/team-a/*", Sid="Push")),
    "Own": document(statement(("*",), f"{REPOSITORY}/${{aws:PrincipalTag/team}}/*")),
    "Guard": document(
        statement(
            ("DeleteRepository", "BatchDeleteImage"),
            "*",
            "Deny",
            Condition={"StringNotEquals": {"aws:PrincipalTag/team": "platform"}},
        ),
        statement(("*",), "*", "Deny", Condition={"NotIpAddress": {"aws:SourceIp": ["127.0.0.0/8", "10.0.0.0/8"]}}),
    ),
}
BOUNDARY = document(statement(("*",), "*"))
REPOSITORY_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Sid": "Partner",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        },
    }
)
SCP = document({"Effect": "Allow", "Action": "*", "Resource": "*"})


def policies() -> Policies:
    """Parse the typical principal's policies."""
    return Policies(
        identity=tuple(
            Attached(parse_policy(text), None, name, "group devs" if name == "Read" else "user ci")
            for name, text in IDENTITY.items()
        ),
        resource=parse_policy(REPOSITORY_POLICY, "resource"),
        boundary=Attached(parse_policy(BOUNDARY, "boundary"), None, "Boundary", "user ci"),
        scps=((parse_policy(SCP, "scp"),),),
    )


def requests() -> list[Request]:
    """Return what a push and a few reads ask, allowed and denied."""
    context = {
        "aws:username": "ci",
        "aws:userid": "AIDAEXAMPLECI",
        "aws:PrincipalType": "User",
        "aws:PrincipalArn": "arn:aws:iam::123456789012:user/ci",
        "aws:PrincipalAccount": "123456789012",
        "aws:PrincipalTag/team": "team-a",
        "aws:ResourceTag/team": "team-a",
        "ecr:ResourceTag/team": "team-a",
        "aws:SourceIp": "127.0.0.1",
        "aws:CurrentTime": "2026-11-23T09:00:00Z",
        "aws:SecureTransport": "true",
        "aws:RequestedRegion": "us-east-1",
        "aws:UserAgent": "docker/28.2.2",
    }
    return [
        Request("arn:aws:iam::123456789012:user/ci", f"ecr:{action}", f"{REPOSITORY}/{name}", "123456789012", context)
        for action in (*PUSH, *READ, "DeleteRepository")
        for name in ("team-a/web", "team-b/web")
    ]


def measure(seconds: float) -> tuple[float, float]:
    """Return decisions a second and parses a second of all the principal's documents."""
    asked = requests()
    in_force = policies()
    made = 0
    start = time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        for request in asked:
            evaluate(request, in_force)
        made += len(asked)
    decisions = made / spent
    parsed = 0
    start = time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds / 2:
        policies()
        parsed += 1
    return decisions, parsed / spent


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--seconds", type=float, default=2.0)
    decisions, parses = measure(options.parse_args().seconds)
    print(f"decisions: {decisions:,.0f} a second (wanted: 5,000)")
    print(f"parsing all 8 policies: {1000 / parses:.2f} ms")


if __name__ == "__main__":
    main()
