"""The password for docker login at ECR Public."""

from __future__ import annotations

import base64
from typing import Any

from ecrlab.aws.ecr_public.request import public_operation
from ecrlab.aws.operations import Call
from ecrlab.aws.tokens import TOKEN_SECONDS, Token, make_token

#: The Region in such a password: it opens no private registry, and a private one's does not open this.
SCOPE = "public"


@public_operation("GetAuthorizationToken")
def get_authorization_token(call: Call) -> dict[str, Any]:
    """Good for 12 hours, user AWS (facts E039)."""
    principal, expires = call.principal, call.now + TOKEN_SECONDS
    token = Token(principal.access_key, principal.account, principal.name, principal.unique_id, SCOPE, expires)
    encoded = base64.b64encode(f"AWS:{make_token(call.cloud.secret, token)}".encode()).decode()
    return {"authorizationData": {"authorizationToken": encoded, "expiresAt": expires}}
