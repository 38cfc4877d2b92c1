"""Policy documents as IAM takes them."""

from __future__ import annotations

from ecrlab.aws.wire.errors import ApiError
from ecrlab.policy import PolicyError, PolicyKind, parse_policy


def checked_policy(text: str, kind: PolicyKind) -> None:
    """Raise MalformedPolicyDocument with IAM's text when ``text`` is not a policy of this kind."""
    try:
        parse_policy(text, kind)
    except PolicyError as error:
        raise ApiError("MalformedPolicyDocumentException", error.message) from None


def length(text: str) -> int:
    """Return the length of a policy as IAM counts it: without white space."""
    return sum(not character.isspace() for character in text)
