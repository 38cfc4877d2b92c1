"""The issuer of identity tokens: its two documents over HTTP, its tokens, and what a restart and a rotation change."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import jwt
import pytest

from ecrlab.ci import CiError, subject
from ecrlab.client import LabError


def fetch(lab: Any, path: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://{lab.control.ci()['address']}{path}", timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def published(lab: Any) -> list[jwt.PyJWK]:
    where = fetch(lab, "/.well-known/openid-configuration")
    assert where["issuer"] == "https://git.harbour-bikes.example"
    path = where["jwks_uri"].removeprefix(where["issuer"])
    return jwt.PyJWKSet.from_dict(fetch(lab, path)).keys


def verified(lab: Any, token: str) -> dict[str, Any]:
    """Verify a token as any relying party does, by the published keys alone."""
    named = jwt.get_unverified_header(token)["kid"]
    key = next(key for key in published(lab) if key.key_id == named)
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], audience="sts.amazonaws.com")
    return claims


@pytest.mark.parametrize(
    ("ref", "environment", "expected"),
    [
        ("main", None, "repo:harbour-bikes/booking:ref:refs/heads/main"),
        ("feature/teal", None, "repo:harbour-bikes/booking:ref:refs/heads/feature/teal"),
        ("refs/tags/v1.4", None, "repo:harbour-bikes/booking:ref:refs/tags/v1.4"),
        ("refs/pull/7/merge", None, "repo:harbour-bikes/booking:pull_request"),
        ("main", "production", "repo:harbour-bikes/booking:environment:production"),
        ("refs/pull/7/merge", "a:b", "repo:harbour-bikes/booking:environment:a%3Ab"),
    ],
)
def test_a_subject_has_github_s_forms(ref: str, environment: str | None, expected: str) -> None:
    assert subject(ref, environment) == expected


@pytest.mark.parametrize("ref", ["", "a b", "a..b", "refs/notes/x", "refs/pull/x/merge", "refs/heads/", "a*"])
def test_what_cannot_be_a_ref_is_refused(ref: str) -> None:
    with pytest.raises(CiError, match=r"is not a branch|A pull request is"):
        subject(ref)


def test_anybody_can_verify_a_token_and_it_outlives_a_restart_but_no_rotation(make_lab: Any) -> None:
    lab = make_lab()
    made = lab.control.identity_token("main")
    claims = verified(lab, made["token"])
    assert claims["sub"] == made["subject"] == "repo:harbour-bikes/booking:ref:refs/heads/main"
    assert claims["exp"] - claims["iat"] == 300
    address = lab.control.ci()["address"]
    lab.stop()
    lab.start()
    assert lab.control.ci()["address"] == address
    assert verified(lab, made["token"]) == claims
    new = lab.control.issuer(rotate=True)["key"]
    assert [key.key_id for key in published(lab)] == [new]
    assert jwt.get_unverified_header(made["token"])["kid"] != new
    with pytest.raises(StopIteration):
        verified(lab, made["token"])


def test_a_token_can_be_old_long_or_lack_a_claim_and_dates_are_lab_time(lab: Any) -> None:
    def claims(**more: Any) -> dict[str, Any]:
        token = lab.control.identity_token(**more)["token"]
        found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        return found

    lab.control.advance(3600)
    fresh, old = claims(), claims(age=330)
    assert 328 <= fresh["iat"] - old["iat"] <= 331
    assert claims(lifetime=60)["exp"] - claims(lifetime=60)["iat"] in (59, 60, 61)
    assert "aud" not in claims(without=["aud"])
    assert claims(subject="x", claims={"azp": "y"})["azp"] == "y"
    with pytest.raises(LabError, match="age is from 0 seconds"):
        claims(age=-1)
    with pytest.raises(LabError, match="No token can be made of these claims: Issuer"):
        claims(claims={"iss": 5})
    deep: Any = []
    for _ in range(900):
        deep = [deep]
    with pytest.raises(LabError, match=r"claims is an object|not a JSON object"):
        claims(claims=deep)


def test_an_issuer_that_is_off_answers_nobody_until_a_reset(lab: Any) -> None:
    assert lab.control.issuer(on=False)["on"] is False
    with pytest.raises(urllib.error.HTTPError, match="503"):
        published(lab)
    assert "the switch that kept the git server off" in lab.control.reset()["removed"]
    assert published(lab)
