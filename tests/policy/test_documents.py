"""What IAM refuses, with its texts (facts/errors.md D), and what it accepts."""

import json
from typing import Any

import pytest

from ecrlab.policy import PolicyError, PolicyKind, parse_policy, read_policy, union, validate

REPOSITORY = "arn:aws:ecr:us-east-1:123456789012:repository/my-web-app"
ALLOW: dict[str, Any] = {"Effect": "Allow", "Action": "ecr:PutImage", "Resource": REPOSITORY}
TRUST: dict[str, Any] = {
    "Effect": "Allow",
    "Action": "sts:AssumeRole",
    "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
}
PREFACED = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
ONE_COLON = "Actions/Condition can contain only one colon."


def policy(*statements: Any, **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", **more, "Statement": list(statements)}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "This policy contains invalid Json"),
        ("file://policy.json", "This policy contains invalid Json"),
        ('{"Version": NaN}', "This policy contains invalid Json"),
        ("[" * 100_000, "This policy contains invalid Json"),
        ("[]", "Syntax errors in policy."),
        ("{}", "Syntax errors in policy."),
        ('{"Version": "2012-10-17", "Statement": []}', "Syntax errors in policy."),
        ('{"Statement": {"Effect": "Allow", "Effect": "Deny"}}', "Syntax errors in policy."),
        (policy(ALLOW, Version="2020-01-01"), "Syntax errors in policy."),
        (policy(ALLOW, Comment="x"), "Syntax errors in policy."),
        (policy({**ALLOW, "Effect": "allow"}), "Syntax errors in policy."),
        (policy({**ALLOW, "action": "ecr:PutImage"}), "Syntax errors in policy."),
        (policy({**ALLOW, "NotAction": "ecr:PutImage"}), "Syntax errors in policy."),
        (policy({**ALLOW, "Action": 5}), "Syntax errors in policy."),
        (policy({**ALLOW, "Sid": None}), "Syntax errors in policy."),
        (policy({**ALLOW, "Principal": None}), "Syntax errors in policy."),
        (policy({**ALLOW, "Condition": None}), "Syntax errors in policy."),
        (policy({**ALLOW, "Condition": {"NumericEquals": {"aws:n": 10**5000}}}), "Syntax errors in policy."),
        (policy({**ALLOW, "Condition": {"StringEqual": {"aws:username": "a"}}}), "Syntax errors in policy."),
        (policy({**ALLOW, "Condition": {"NullIfExists": {"aws:username": "true"}}}), "Syntax errors in policy."),
        (policy({**ALLOW, "Condition": {"StringEquals": {"aws:username": {}}}}), "Syntax errors in policy."),
        (policy({**ALLOW, "Condition": {"StringEquals": {"username": "a"}}}), PREFACED),
        (policy({**ALLOW, "Action": "PutImage"}), PREFACED),
        (policy({**ALLOW, "Action": "ecr:Put:Image"}), ONE_COLON),
        (policy({**ALLOW, "Action": "e*r:PutImage"}), "Vendor e*r is not valid"),
        (policy({"Effect": "Allow", "Action": "ecr:PutImage"}), "Policy statement must contain resources."),
        (policy({**ALLOW, "Resource": []}), "Policy statement must contain resources."),
        (policy({"Effect": "Allow", "Resource": "*"}), "Policy statement must contain actions."),
        (policy({**ALLOW, "Action": []}), "Policy statement must contain actions."),
        (
            policy({**ALLOW, "Sid": "A"}, {**ALLOW, "Sid": "A"}),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        (
            policy({**ALLOW, "Sid": "a b"}),
            "Statement IDs (SID) must be alpha-numeric. "
            "Check that your input satisfies the regular expression [0-9A-Za-z]*",
        ),
        (policy({**ALLOW, "Principal": "*"}), "Policy document should not specify a principal."),
        (policy({**ALLOW, "Resource": "my-web-app"}), 'Resource my-web-app must be in ARN format or "*".'),
        (
            policy({**ALLOW, "Resource": "arn:aw:ecr:us-east-1:123456789012:repository/a"}),
            'Partition "aw" is not valid for resource "arn:aw:ecr:us-east-1:123456789012:repository/a".',
        ),
        (
            policy({**ALLOW, "Resource": "arn:aws:e*:us-east-1:123456789012:repository/a"}),
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
        (
            policy({**ALLOW, "Resource": "arn:aws:iam:us-east-1:123456789012:role/a"}),
            "IAM resource arn:aws:iam:us-east-1:123456789012:role/a cannot contain region information.",
        ),
        (
            policy({**ALLOW, "Resource": "arn:aws:s3:us-east-1::a"}),
            "Resource arn:aws:s3:us-east-1::a can not contain region information.",
        ),
        (policy({**ALLOW, "Resource": "arn:aws:ecr:us-east-1"}), "The policy failed legacy parsing"),
        (policy({**ALLOW, "Resource": "arn:aws:s3::*"}), "The policy failed legacy parsing"),
        (
            policy({**ALLOW, "Resource": "arn:aws:iam::123456789012:people/ci"}),
            'IAM resource path must either be "*" or start with user/, federated-user/, role/, group/, '
            "instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, "
            "access-report/.",
        ),
    ],
)
def test_identity_policy_refused(document: Any, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy(document)
    assert (caught.value.code, caught.value.message) == ("MalformedPolicyDocument", message)
    assert validate(document) == message


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ({**TRUST, "Resource": "*"}, "Has prohibited field Resource"),
        ({**TRUST, "NotResource": "*"}, "Has prohibited field NotResource"),
        ({"Effect": "Allow", "Action": "sts:AssumeRole"}, "Missing required field Principal"),
        (
            {**TRUST, "Principal": {"AWS": "arn:aws:iam::123456789012:role/app-*"}},
            'Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:role/app-*"',
        ),
        (
            {**TRUST, "Principal": {"AWS": "arn:aws:iam::123456789012:group/devs"}},
            'Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:group/devs"',
        ),
        ({**TRUST, "Principal": {"AWS": "alice"}}, 'Invalid principal in policy: "AWS":"alice"'),
        (
            {**TRUST, "Action": "ecr:PutImage"},
            "Trust Policy statement actions can only be sts:AssumeRole, sts:AssumeRoleWithSAML,  "
            "and sts:AssumeRoleWithWebIdentity",
        ),
        ({"Effect": "Allow", "Action": "sts:AssumeRole", "NotPrincipal": "*"}, "Syntax errors in policy."),
        ({**TRUST, "Principal": {"Group": "devs"}}, "Syntax errors in policy."),
        ({**TRUST, "Principal": "arn:aws:iam::123456789012:root"}, "Syntax errors in policy."),
    ],
)
def test_trust_policy_refused(statement: dict[str, Any], message: str) -> None:
    assert validate(policy(statement), "trust") == message


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (policy(ALLOW), "identity"),
        ({"Statement": ALLOW}, "identity"),
        (json.dumps(policy({**ALLOW, "Sid": "Push1"})), "boundary"),
        (policy({**ALLOW, "Action": ["ecr:GetAuthToken", "*"]}), "identity"),
        (policy({"Effect": "Deny", "NotAction": "iam:*", "NotResource": "arn:aws:iam::*:user/${aws:username}"}), "scp"),
        (policy({**ALLOW, "Resource": ["arn:*:ecr:*:*:repository/*", "arn:aws:ecr:*"]}), "session"),
        (policy({**ALLOW, "Resource": ["arn:aws:s3:::bucket/*", "arn:aws:iam::123456789012:*"]}), "identity"),
        (policy(TRUST), "trust"),
        (
            policy({**TRUST, "Action": ["sts:AssumeRole", "sts:TagSession"], "Principal": {"AWS": "123456789012"}}),
            "trust",
        ),
        (
            policy(
                {
                    "Effect": "Allow",
                    "Principal": {
                        "Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
                    },
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}},
                }
            ),
            "trust",
        ),
        (
            policy(
                {
                    "Sid": "new statement",
                    "Effect": "Allow",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                    "Action": ["ecr:BatchGetImage"],
                }
            ),
            "resource",
        ),
        (
            policy({"Effect": "Deny", "NotPrincipal": {"AWS": ["123456789012"]}, "Action": "ecr:*", "Resource": "*"}),
            "resource",
        ),
    ],
)
def test_accepted(document: Any, kind: PolicyKind) -> None:
    assert validate(document, kind) is None
    assert parse_policy(document, kind).kind == kind


def test_missing_version_is_2008() -> None:
    assert parse_policy({"Statement": ALLOW}).version == "2008-10-17"


def test_text_and_object_are_one() -> None:
    document = policy({**ALLOW, "Condition": {"Bool": {"aws:SecureTransport": True}}})
    assert parse_policy(json.dumps(document)) == parse_policy(document)


def test_union_has_all_statements() -> None:
    one, two = read_policy(policy(ALLOW), "session"), read_policy(policy({**ALLOW, "Effect": "Deny"}), "session")
    assert [each.effect for each in union(one, two).statements] == ["Allow", "Deny"]


def test_unknown_kind_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="no policy kind 'group'"):
        read_policy(policy(ALLOW), "group")  # type: ignore[arg-type]


def test_a_repository_policy_may_say_a_sid_twice() -> None:
    """Facts A028; places of later faults are found all the same."""
    twice = [{**ALLOW, "Sid": "A", "Principal": "*"}, {**ALLOW, "Sid": "A", "Principal": "*"}]
    assert validate(policy(*twice), "resource") is None
