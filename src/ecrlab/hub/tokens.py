"""Bearer tokens: JSON Web Tokens (RFC 7519) signed by the hub, of the registry and of the HTTP API."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

Claims = dict[str, Any]

ISSUER = "ecrlab-hub"
#: The service that a registry token is for; Docker Hub's is registry.docker.io (H027).
SERVICE = "hub.ecrlab.local"
API = "hub-api.ecrlab.local"
#: As in a public copy of a token of Docker Hub (2026-03); the specification's least is 60.
REGISTRY_SECONDS = 300
#: "This expires in 10 minutes" (Docker Hub API reference, AuthCreateTokenResponse).
API_SECONDS = 600

_HEADER = {"typ": "JWT", "alg": "HS256"}


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _sign(secret: bytes, text: str) -> bytes:
    return hmac.new(secret, text.encode("ascii"), hashlib.sha256).digest()


def make(secret: bytes, claims: Claims) -> str:
    """Return a token with these claims."""
    text = ".".join(_encode(json.dumps(part, separators=(",", ":")).encode()) for part in (_HEADER, claims))
    return f"{text}.{_encode(_sign(secret, text))}"


def read(secret: bytes, token: str, audience: str) -> Claims | None:
    """Return the claims of a token that this hub made for ``audience``, or None. An expired one is returned too."""
    text, _, signature = token.rpartition(".")
    try:
        if not hmac.compare_digest(_sign(secret, text), _decode(signature)):
            return None
        claims = json.loads(_decode(text.rpartition(".")[2]))
    except ValueError:
        return None
    return claims if claims.get("aud") == audience else None
