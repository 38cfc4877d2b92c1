"""Identity tokens at STS: reading one, and verifying it by what its issuer publishes (facts D101 to D103, D145).

The order of the checks is: a JWT with the claims that must be there, not over, a provider in the role's account, the
signature, the audience. Whether the role lets its bearer in is the trust policy's matter, and asked afterwards.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import jwt
from jwt import api_jws

from ecrlab.aws.identity.bearer import Bearer, texts_of
from ecrlab.aws.wire.errors import ApiError

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud

ACTION = "sts:AssumeRoleWithWebIdentity"
_ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]
_NO_KEY = (
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity "
    "documentation for requirements"
)
_NO_JWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"


def read(text: str, account: str) -> Bearer:
    """Return what an identity token says; nothing of it is verified.

    White space around it is left out: it is a file's last line as a rule. Raises ApiError: it cannot be read, or lacks
    a claim that must be there.
    """
    text = text.strip()
    try:
        whole = jwt.decode_complete(text, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
        raise ApiError("InvalidIdentityTokenException", _NO_JWT, why=f"the token cannot be read: {error}") from None
    claims, header = whole["payload"], whole["header"]
    for name in ("iss", "aud", "exp", "iat"):
        if name not in claims:
            raise ApiError("InvalidIdentityTokenException", f"Missing a required claim: {name}")
    audiences = texts_of(claims.get("azp", claims["aud"]))
    sane = _is_moment(claims["exp"]) and _is_moment(claims["iat"])
    texts = [claims["iss"], claims.get("sub", "")]
    if not sane or not audiences or not all(isinstance(each, str) for each in texts):
        why = "a claim of the token has a value of another type than it must have"
        raise ApiError("InvalidIdentityTokenException", _NO_JWT, why=why)
    key_id = header.get("kid")
    return Bearer(
        account=account,
        text=text,
        algorithm=str(header.get("alg")),
        key_id=key_id if isinstance(key_id, str) else None,
        issuer=claims["iss"],
        subject=claims.get("sub"),
        audiences=audiences,
        claims=claims,
    )


def verify(cloud: Cloud, bearer: Bearer, now: float) -> None:
    """Raise ApiError unless the token holds, comes from an issuer that the account reads, and is addressed to it.

    ``now`` is lab time in epoch seconds: a library would judge by the computer's.
    """
    ends = bearer.claims["exp"]
    if now >= ends:
        text = f"Token expired: current date/time {int(now)} must be before the expiration date/time {int(ends)}"
        raise ApiError("ExpiredTokenException", text)
    provider = cloud.identities.oidc_provider(bearer.provider)
    if provider is None or not bearer.issuer.startswith("https://"):
        text = f"No OpenIDConnect provider found in your account for {bearer.issuer}"
        raise ApiError("InvalidIdentityTokenException", text)
    if bearer.algorithm not in _ALGORITHMS:
        why = f"the token's algorithm is {bearer.algorithm!r:.40}, not one of {', '.join(_ALGORITHMS)}"
        raise ApiError("InvalidIdentityTokenException", _NO_JWT, why=why)
    _verify_signature(bearer, cloud.host.issuer_keys(bearer.issuer))
    if not set(bearer.audiences) & set(provider["clients"]):
        there = ", ".join(provider["clients"]) or "none"
        why = f"the token is addressed to {', '.join(bearer.audiences)}; the provider's client ids are: {there}"
        raise ApiError("InvalidIdentityTokenException", "Incorrect token audience", why=why)


def _verify_signature(bearer: Bearer, published: dict[str, Any] | None) -> None:
    """Which text STS has for a signature that does not fit is not known: it is taken for that of a missing key."""
    if published is None:
        why = f"the keys of {bearer.issuer} cannot be fetched"
        raise ApiError("InvalidIdentityTokenException", _NO_KEY, why=why)
    keys = jwt.PyJWKSet.from_dict(published).keys
    key = next((key for key in keys if key.key_id == bearer.key_id), None)
    if key is None:
        there = ", ".join(str(key.key_id) for key in keys)
        why = f"the token is signed with key {bearer.key_id!r:.80}; the issuer publishes {there}"
        raise ApiError("InvalidIdentityTokenException", _NO_KEY, why=why)
    try:
        api_jws.decode(bearer.text, key, algorithms=_ALGORITHMS)
    except jwt.InvalidTokenError as error:
        why = f"the token's signature does not fit what it says ({error})"
        raise ApiError("InvalidIdentityTokenException", _NO_KEY, why=why) from None


def _is_moment(value: Any) -> bool:
    """Tell whether a claim is a date as tokens have it, a number of seconds; JSON also holds infinity and 10**400."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) < 2**63
