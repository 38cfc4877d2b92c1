"""Signature verification against botocore's own signing."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from ecrlab.aws.wire.errors import ApiError
from ecrlab.aws.wire.sigv4 import parse, verify

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def sign(
    method: str = "POST", target: str = "/", body: bytes = b"", service: str = "ecr", **headers: str
) -> dict[str, str]:
    request = AWSRequest(
        method, f"http://localhost:5300{target}", data=body, headers={"Host": "localhost:5300", **headers}
    )
    SigV4Auth(Credentials("AKIAIOSFODNN7EXAMPLE", SECRET), service, "eu-west-1").add_auth(request)
    return dict(request.headers)


def check(
    headers: dict[str, str], method: str = "POST", target: str = "/", body: bytes = b"", **change: object
) -> None:
    secret = str(change.pop("secret", SECRET))
    verify(parse(headers["Authorization"]), secret, method, target, headers.items(), body, **change)  # type: ignore[arg-type]


def test_what_the_header_says() -> None:
    credential = parse(sign()["Authorization"])
    assert (credential.access_key, credential.region, credential.service) == (
        "AKIAIOSFODNN7EXAMPLE",
        "eu-west-1",
        "ecr",
    )


@settings(max_examples=60, deadline=None)
@given(
    body=st.binary(max_size=200),
    query=st.dictionaries(st.text("ab~ +%/é", min_size=1, max_size=5), st.text("xy ~+%=é", max_size=5), max_size=3),
    value=st.text("a b", max_size=10),
)
def test_what_botocore_signs_is_accepted(body: bytes, query: dict[str, str], value: str) -> None:
    from urllib.parse import quote

    text = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in query.items())
    target = f"/?{text}" if text else "/"
    headers = sign(target=target, body=body, **{"X-Amz-Meta": f"x{value}x"})
    check(headers, target=target, body=body)


def test_a_changed_request_is_refused() -> None:
    headers = sign(body=b"{}", **{"X-Amz-Target": "T.DescribeRepositories"})
    check(headers, body=b"{}")
    for wrong in (
        {"body": b"{ }"},
        {"body": b"{}", "method": "GET"},
        {"body": b"{}", "target": "/?a=b"},
        {"body": b"{}", "secret": SECRET[:-1]},
    ):
        with pytest.raises(ApiError, match="The request signature we calculated does not match") as caught:
            check(headers, **wrong)  # type: ignore[arg-type]
        assert caught.value.code == "SignatureDoesNotMatch"
    with pytest.raises(ApiError, match="does not match"):
        check({**headers, "X-Amz-Target": "T.DeleteRepository"}, body=b"{}")
    with pytest.raises(ApiError, match="every signed header"):
        check({k: v for k, v in headers.items() if k != "X-Amz-Target"}, body=b"{}")


def test_old_and_early_signatures() -> None:
    headers = sign()
    now = datetime.now(UTC)
    check(headers, now=now + timedelta(minutes=14))
    check(headers, now=now - timedelta(minutes=4))
    with pytest.raises(ApiError, match=r"Signature expired: \d{8}T\d{6}Z is now earlier than .* - 15 min\.\)"):
        check(headers, now=now + timedelta(minutes=16))
    with pytest.raises(ApiError, match=r"Signature not yet current: .* \+ 5 min\.\)"):
        check(headers, now=now - timedelta(minutes=6))


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "MissingAuthenticationToken"),
        ("Basic QVdTOng=", "IncompleteSignature"),
        ("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host", "IncompleteSignature"),
        ("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=x", "IncompleteSignature"),
    ],
)
def test_incomplete_headers(header: str | None, code: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse(header)
    assert caught.value.code == code


def test_it_costs_little() -> None:
    headers = sign(body=b"{}" * 100, **{"X-Amz-Target": "T.DescribeRepositories", "Content-Type": "x-amz-json-1.1"})
    best = 1.0
    for _ in range(8):
        begun = time.process_time()
        for _ in range(200):
            check(headers, body=b"{}" * 100)
        best = min(best, (time.process_time() - begun) / 200)
    assert best < 100e-6
