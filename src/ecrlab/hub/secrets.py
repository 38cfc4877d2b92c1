"""Passwords and access tokens, of which only hashes are kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

# As for logins in scrypt's paper (N=2^14, r=8, p=1): 16 MiB and some 40 ms a try.
_COST, _BLOCK, _PARALLEL = 2**14, 8, 1
_TOKEN = "ecrlab_pat_"


def hash_password(password: str) -> str:
    """Return ``scrypt$salt$hash`` (base64) of a password, with a new salt. Takes a moment: call it in a thread."""
    salt = secrets.token_bytes(16)
    return f"scrypt${base64.b64encode(salt).decode()}${base64.b64encode(_scrypt(password, salt)).decode()}"


def password_fits(password: str, kept: str) -> bool:
    """Tell whether a password has the hash that `hash_password` returned. Takes a moment: call it in a thread."""
    _, salt, expected = kept.split("$")
    return hmac.compare_digest(_scrypt(password, base64.b64decode(salt)), base64.b64decode(expected))


def _scrypt(password: str, salt: bytes) -> bytes:
    text = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(text, salt=salt, n=_COST, r=_BLOCK, p=_PARALLEL, maxmem=64 * 1024 * 1024, dklen=32)


def new_access_token() -> str:
    """Return a new personal access token: 256 random bits, with a prefix that no service uses."""
    return _TOKEN + secrets.token_urlsafe(32)


def hash_access_token(token: str) -> str:
    """Return the hash of an access token. It is random and long, so a plain hash keeps it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def is_access_token(secret: str) -> bool:
    """Tell an access token from a password by its prefix."""
    return secret.startswith(_TOKEN)
