"""Validation: the checks IAM makes when a policy is put, with its MalformedPolicyDocument texts.

The texts are those of err 86 to 96. IAM accepts well-formed actions that do not exist (I028).
"""

import re

from ecrlab.policy.document import SYNTAX, Policy, PolicyKind, read_policy
from ecrlab.policy.errors import PolicyError

_VENDOR = re.compile(r"[A-Za-z0-9.-]+")
_SID = re.compile(r"[0-9A-Za-z]*")
# The account's: aws-cn and aws-us-gov are other worlds (A050).
_PARTITION = re.compile(r"aws|(?=.*[*?])[a-z*?-]+")
_ACCOUNT = re.compile(r"\d{12}")
_UNIQUE_ID = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,}")
_PRINCIPAL = re.compile(
    r"arn:aws[a-z-]*:(iam::\d{12}:(root|(user|role)/[^*?]+)"
    r"|sts::\d{12}:(assumed-role/[^/*?]+/[^/*?]+|federated-user/[^/*?]+))"
)
_FEDERATED = re.compile(
    r"arn:aws[a-z-]*:(iam::\d{12}:(oidc|saml)-provider/[^*?\s]+)|[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE
)
_IAM_PATHS = (
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
)
_TRUST_ACTIONS = {
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:tagsession",
    "sts:setsourceidentity",
    "sts:setcontext",
}
_TRUST_TEXT = (
    "Trust Policy statement actions can only be sts:AssumeRole, sts:AssumeRoleWithSAML,  "
    "and sts:AssumeRoleWithWebIdentity"
)


def parse_policy(document: object, kind: PolicyKind = "identity") -> Policy:
    """Read a policy document and check it as IAM does when it is put.

    Args:
        document: JSON text, or the object that such a text holds.
        kind: what the policy is for; "resource" is a repository or registry policy.

    Raises:
        PolicyError: MalformedPolicyDocument with IAM's text, and nothing else whatever the document.
    """
    try:
        policy = read_policy(document, kind)
    except RecursionError:
        raise PolicyError(SYNTAX) from None
    for check in (_sids, _principal, _resource, _actions, _condition_keys):
        check(policy)
    return policy


def validate(document: object, kind: PolicyKind = "identity") -> str | None:
    """Return IAM's text about what is wrong with a policy document, or None when IAM would accept it."""
    try:
        parse_policy(document, kind)
    except PolicyError as error:
        return error.message
    return None


def _sids(policy: Policy) -> None:
    seen: set[str] = set()
    for statement in policy.statements:
        sid = statement.sid
        if not sid:
            continue
        if policy.kind != "resource" and not _SID.fullmatch(sid):
            raise PolicyError(
                "Statement IDs (SID) must be alpha-numeric. "
                "Check that your input satisfies the regular expression [0-9A-Za-z]*"
            )
        if policy.kind != "resource" and sid in seen:  # a repository's may say it twice (A028)
            raise PolicyError("Statement IDs (SID) in a single policy must be unique.")
        seen.add(sid)


def _principal(policy: Policy) -> None:
    wanted = policy.kind in ("resource", "trust")
    for statement in policy.statements:
        named = statement.principals or statement.not_principals
        if not wanted:
            if named is not None:
                raise PolicyError("Policy document should not specify a principal.")
            continue
        if named is None:
            raise PolicyError("Missing required field Principal")
        if statement.not_principals is not None and statement.effect == "Allow":
            # AWS: IAM User Guide, NotPrincipal: only together with Deny.
            raise PolicyError(SYNTAX)
        for kind, value in named.entries:
            if kind == "Federated" and policy.kind == "trust" and not _FEDERATED.fullmatch(value):
                raise PolicyError("Federated principals must be valid domain names or SAML metadata ARNs")  # D143
            if not _valid_principal(kind, value):
                raise PolicyError(f'Invalid principal in policy: "{kind}":"{value}"')


def _valid_principal(kind: str, value: str) -> bool:
    # Wildcards are not allowed inside a principal (I020); an id is what IAM shows for a deleted user or role (I019).
    if kind == "AWS":
        return value == "*" or any(form.fullmatch(value) for form in (_ACCOUNT, _PRINCIPAL, _UNIQUE_ID))
    if kind == "Service":
        return re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", value) is not None
    if kind == "Federated":
        return "*" not in value
    return True


def _resource(policy: Policy) -> None:
    for statement in policy.statements:
        resources = statement.resources
        if policy.kind == "trust":
            if resources is not None:
                raise PolicyError(f"Has prohibited field {'NotResource' if resources.negated else 'Resource'}")
            continue
        if resources is None:
            if policy.kind != "resource":
                raise PolicyError("Policy statement must contain resources.")
            continue
        for value in resources.values:
            _resource_format(value)


def _resource_format(value: str) -> None:
    if value == "*":
        return
    arn, colon, rest = value.partition(":")
    if not colon or arn != "arn":
        raise PolicyError(f'Resource {value} must be in ARN format or "*".')
    parts = rest.split(":", 4)
    if not _PARTITION.fullmatch(parts[0]):
        shown = ":".join((parts + ["*"] * 5)[:5])
        raise PolicyError(f'Partition "{parts[0]}" is not valid for resource "arn:{shown}".')
    if len(parts) < 2 or not _VENDOR.fullmatch(parts[1]):
        raise PolicyError("Resource vendor must be fully qualified and cannot contain regexes.")
    service = parts[1]
    region = parts[2] if len(parts) > 2 else ""
    if service == "iam" and region not in ("", "*"):
        raise PolicyError(f"IAM resource {value} cannot contain region information.")
    if service == "s3" and region not in ("", "*"):
        raise PolicyError(f"Resource {value} can not contain region information.")
    # A short ARN is complete only when it ends with a star, which then stands for the parts left out.
    if len(parts) < 5 and ("::" in value or not value.endswith("*")):
        raise PolicyError("The policy failed legacy parsing")
    if service == "iam" and len(parts) == 5 and not parts[4].startswith((*_IAM_PATHS, "*", "root", "${")):
        raise PolicyError(f'IAM resource path must either be "*" or start with {", ".join(_IAM_PATHS)}.')


def _actions(policy: Policy) -> None:
    for statement in policy.statements:
        for value in statement.actions.values:
            _vendor(value)
            if policy.kind == "trust" and not _trust_action(value.lower()):
                raise PolicyError(_TRUST_TEXT)


def _vendor(value: str) -> None:
    parts = value.split(":")
    if value == "*":
        return
    if len(parts) == 1:
        raise PolicyError("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    if len(parts) > 2:
        raise PolicyError("Actions/Condition can contain only one colon.")
    if not _VENDOR.fullmatch(parts[0]) and parts[0] != "*":
        raise PolicyError(f"Vendor {parts[0]} is not valid")


def _trust_action(value: str) -> bool:
    return value in _TRUST_ACTIONS or (value.startswith("sts:") and "*" in value)


def _condition_keys(policy: Policy) -> None:
    for statement in policy.statements:
        for condition in statement.conditions:
            if ":" not in condition.key:
                raise PolicyError("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
