"""A login at a registry: the password in it, who it stands for, and in which words one is not taken."""

from __future__ import annotations

import base64
import binascii

from ecrlab.aws.cloud import Cloud
from ecrlab.aws.identity.identities import Principal
from ecrlab.aws.tokens import Token

EXPIRED = "Your authorization token has expired. Reauthenticate and try again."


def password_of(authorization: str | None) -> str | None:
    """Return the password in a Basic Authorization header of the user AWS, or None."""
    kind, _, encoded = (authorization or "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return password if user == "AWS" else None


def caller_of(cloud: Cloud, token: Token) -> Principal:
    """Return the principal that a token stands for, as it is now."""
    identities = cloud.identities
    if token.access_key.startswith("ASIA"):
        session = identities.sessions.get(token.access_key)
        found = identities.session_principal(session) if session else None
    else:
        found = identities.user_principal(token.account, token.name, token.access_key)
    if found is not None and found.unique_id == token.unique_id:
        return found
    # Deleted since: the password is still good, but nothing allows anything any more.
    arn = f"arn:aws:iam::{token.account}:user/{token.name}"
    return Principal("user", token.account, arn, token.unique_id, token.name, token.unique_id, token.access_key)


def why_refused(authorization: str, token: Token | None, region: str) -> str:
    """Return why a login is not taken, for the X-ray; "" when none was sent. A token is of one Region (fact E032)."""
    if not authorization:
        return ""
    if token is None:
        return f"a login was sent, and {_flaw(authorization)}"
    return f"the login of {token.name or token.account} is for {token.region}, and this registry is in {region}"


def _flaw(authorization: str) -> str:
    """Return what is wrong with an Authorization header that holds no password of ECR's."""
    kind, _, encoded = authorization.partition(" ")
    if kind.lower() != "basic":
        return f"it is called {kind[:20]}: this registry takes Basic"
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user = colon = password = ""
    if not colon:
        return "it is not NAME:PASSWORD in base64"
    if password_of(f"Basic {password}") is not None:
        return "its password is wrapped in base64 once more"
    if user != "AWS":
        return f"its user is {user[:40]} and not AWS"
    return "its password is not one that ECR handed out"
