"""The password for docker login."""

from __future__ import annotations

import base64
from typing import Any

from ecrlab.aws.operations import Call, operation
from ecrlab.aws.tokens import TOKEN_SECONDS, Token, make_token


@operation("ecr", "GetAuthorizationToken")
def get_authorization_token(call: Call) -> dict[str, Any]:
    principal, expires = call.principal, call.now + TOKEN_SECONDS
    token = Token(principal.access_key, principal.account, principal.name, principal.unique_id, call.region, expires)
    password = make_token(call.cloud.secret, token)
    encoded = base64.b64encode(f"AWS:{password}".encode()).decode()
    accounts = call.params.get("registryIds") or [call.account]
    return {
        "authorizationData": [
            {
                "authorizationToken": encoded,
                "expiresAt": expires,
                "proxyEndpoint": f"http://{call.cloud.address(account, call.region)}",
            }
            for account in accounts
        ]
    }
