"""Passwords of a registry and addresses of its layers: both signed by the lab, both without state."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs, quote, urlencode

TOKEN_SECONDS = 12 * 3600
URL_SECONDS = 3600


@dataclass(frozen=True)
class Token:
    """What a registry password stands for: a principal of one Region, until ``expires`` (epoch seconds, lab time)."""

    access_key: str
    account: str
    name: str
    unique_id: str
    region: str
    expires: float


def _sign(secret: bytes, text: bytes) -> str:
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def make_token(secret: bytes, token: Token) -> str:
    """Return the password for docker: base64 of a JSON object like ECR's, whose payload is signed."""
    payload = json.dumps(
        [token.access_key, token.account, token.name, token.unique_id, token.region, token.expires],
        separators=(",", ":"),
    ).encode()
    body = {
        "payload": base64.b64encode(payload).decode(),
        "datakey": _sign(secret, b"token:" + payload),
        "version": "2",
        "type": "DATA_KEY",
        "expiration": int(token.expires),
    }
    return base64.b64encode(json.dumps(body, separators=(",", ":")).encode()).decode()


@lru_cache(maxsize=1024)
def read_token(secret: bytes, password: str) -> Token | None:
    """Return what a password stands for, or None when this lab did not make it. An expired one is returned too."""
    try:
        body = json.loads(base64.b64decode(password, validate=True))
        payload = base64.b64decode(body["payload"], validate=True)
        if not hmac.compare_digest(_sign(secret, b"token:" + payload), str(body["datakey"])):
            return None
        access_key, account, name, unique_id, region, expires = json.loads(payload)
    except (ValueError, KeyError, TypeError):
        return None
    return Token(access_key, account, name, unique_id, region, float(expires))


def sign_url(secret: bytes, path: str, now: float | None = None) -> str:
    """Return ``path`` with an expiry and a signature, as a pre-signed address of Amazon S3 has them (real time)."""
    expires = int((time.time() if now is None else now) + URL_SECONDS)
    signature = _sign(secret, f"url:{path}:{expires}".encode())
    return f"{quote(path)}?{urlencode({'X-Amz-Expires': expires, 'X-Amz-Signature': signature})}"


def signed(secret: bytes, path: str, query: str, now: float | None = None) -> str | None:
    """Return None when the query of a signed address is good for ``path``, else what is wrong with it."""
    fields = parse_qs(query)
    expires, signature = fields.get("X-Amz-Expires", [""])[0], fields.get("X-Amz-Signature", [""])[0]
    expected = _sign(secret, f"url:{path}:{expires}".encode())
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
        return "The request signature we calculated does not match the signature you provided."
    if int(expires) < (time.time() if now is None else now):
        return "Request has expired"
    return None
