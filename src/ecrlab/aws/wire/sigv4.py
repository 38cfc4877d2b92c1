"""Signature Version 4: who signed this request, and is the signature right?

Verification is two steps, because the secret stands between them: `parse` reads the Authorization header, the caller
looks up the secret of ``Credential.access_key``, and `verify` computes the signature again.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import quote, unquote

from ecrlab.aws.wire.errors import ApiError

# AWS accepts a signature 15 minutes after its time and 5 minutes before (err 82).
OLD = timedelta(minutes=15)
EARLY = timedelta(minutes=5)
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_FORM = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Credential:
    """What the Authorization header of a request says."""

    access_key: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str


def parse(authorization: str | None) -> Credential:
    """Read an ``AWS4-HMAC-SHA256`` Authorization header.

    Raises ApiError: MissingAuthenticationToken without a header, IncompleteSignature for one that lacks a part.
    """
    if not authorization:
        raise ApiError("MissingAuthenticationToken", "Request is missing Authentication Token")
    kind, _, rest = authorization.partition(" ")
    if kind != "AWS4-HMAC-SHA256":
        raise ApiError("IncompleteSignature", f"Unsupported authorization method: '{kind[:40]}'. Use AWS4-HMAC-SHA256.")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if not parts.get(name)]
    if missing:
        text = " ".join(f"Authorization header requires '{name}' parameter." for name in missing)
        raise ApiError("IncompleteSignature", f"{text} Authorization={kind}")
    scope = parts["Credential"].split("/")
    if len(scope) != 5 or scope[4] != "aws4_request":
        raise ApiError(
            "IncompleteSignature",
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
            f"'{parts['Credential'][:200]}'",
        )
    return Credential(
        scope[0], scope[1], scope[2], scope[3], tuple(parts["SignedHeaders"].split(";")), parts["Signature"]
    )


def verify(
    credential: Credential,
    secret: str,
    method: str,
    raw_path: str,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    now: datetime | None = None,
) -> None:
    """Check the signature of a request as it was received.

    ``raw_path`` is path and query exactly as on the request line; ``headers`` all headers in order; ``now`` the real
    time (freshness of a signature never follows the lab's clock). Raises ApiError SignatureDoesNotMatch.
    """
    wanted = dict.fromkeys(credential.signed_headers)
    values: dict[str, list[str]] = {}
    for name, value in headers:
        lower = name.lower()
        if lower in wanted:
            values.setdefault(lower, []).append(_squeeze(value))
    stamp = values.get("x-amz-date", [""])[0]
    if len(values) != len(wanted) or "host" not in values or not stamp:
        raise ApiError(
            "SignatureDoesNotMatch",
            "'Host' and 'X-Amz-Date' must be signed headers, and every signed header must be in the request.",
        )
    _check_time(stamp, credential.date, now or datetime.now(UTC))
    path, _, query = raw_path.partition("?")
    canonical = "\n".join(
        (
            method,
            path or "/",
            _query(query) if query else "",
            *(f"{name}:{','.join(values[name])}" for name in sorted(wanted)),
            "",
            ";".join(sorted(wanted)),
            hashlib.sha256(body).hexdigest(),
        )
    )
    scope = f"{credential.date}/{credential.region}/{credential.service}/aws4_request"
    hashed = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}"
    key = _signing_key(secret, credential.date, credential.region, credential.service)
    expected = hmac.new(key, text.encode(), "sha256").hexdigest()
    if not hmac.compare_digest(expected.encode(), credential.signature.encode("utf-8", "replace")):
        raise ApiError("SignatureDoesNotMatch", MISMATCH)


@lru_cache(maxsize=1024)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    return key


def _squeeze(value: str) -> str:
    return re.sub(r" +", " ", value.strip()) if "  " in value else value.strip()


def _query(query: str) -> str:
    pairs = (part.partition("=")[::2] for part in query.split("&") if part)
    encoded = sorted((quote(unquote(k), safe="-_.~"), quote(unquote(v), safe="-_.~")) for k, v in pairs)
    return "&".join(f"{key}={value}" for key, value in encoded)


def _check_time(stamp: str, date: str, now: datetime) -> None:
    try:
        signed = datetime.strptime(stamp, _FORM).replace(tzinfo=UTC)
    except ValueError as error:
        raise ApiError(
            "IncompleteSignature",
            f"Date must be in ISO-8601 'basic format'. Got '{stamp[:40]}'. See http://en.wikipedia.org/wiki/ISO_8601",
        ) from error
    if not stamp.startswith(date):
        raise ApiError(
            "SignatureDoesNotMatch",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{date}' != '{stamp[:8]}', from '{stamp}'.",
        )
    shown = now.strftime(_FORM)
    if now - signed > OLD:
        raise ApiError(
            "SignatureDoesNotMatch",
            f"Signature expired: {stamp} is now earlier than {(now - OLD).strftime(_FORM)} ({shown} - 15 min.)",
        )
    if signed - now > EARLY:
        raise ApiError(
            "SignatureDoesNotMatch",
            f"Signature not yet current: {stamp} is still later than {(now + EARLY).strftime(_FORM)} "
            f"({shown} + 5 min.)",
        )
