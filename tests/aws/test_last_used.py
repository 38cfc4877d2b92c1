"""When keys and roles were last used: docker's requests count, and a restart forgets nothing."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.aws.test_private_backend import Http

from ecrlab.aws.identity.identities import Principal
from ecrlab.aws.last_used import SAVE_SECONDS, LastUsed
from ecrlab.store import Store

HOUR = 3600.0
KEY = Principal("user", "123456789012", "arn:aws:iam::123456789012:user/a", "AIDA1", "a", "AIDA1", "AKIA1")
SESSION = Principal(
    "session", "123456789012", "arn:aws:sts::123456789012:assumed-role/r/s", "AROA1:s", "r", "AROA1", "ASIA1"
)


def now(lab: Any) -> datetime:
    return datetime.fromisoformat(lab.control.status()["clock"]["now"])


def key_of(lab: Any, profile: str) -> str:
    return str(lab.client("sts", profile)._request_signer._credentials.access_key)


def used(lab: Any, key: str) -> dict[str, Any]:
    found: dict[str, Any] = lab.client("iam").get_access_key_last_used(AccessKeyId=key)["AccessKeyLastUsed"]
    return found


def test_dockers_requests_count_as_uses_of_the_key_behind_the_password(lab: Any) -> None:
    lab.repository("app")
    http = Http(lab, "developer")
    lab.control.advance(5 * HOUR)
    before = now(lab)
    assert http("GET", "app/tags/list").status_code == 200
    found = used(lab, key_of(lab, "developer"))
    assert (found["ServiceName"], found["Region"]) == ("ecr", "us-east-1")
    assert -1 < (found["LastUsedDate"] - before).total_seconds() < 30
    # Not with a password that is over, and not with a wrong one.
    lab.control.advance(8 * HOUR)
    assert http("GET", "app/tags/list").status_code == 403
    http.session.headers["Authorization"] = "Basic QVdTOndyb25n"
    assert http("GET", "app/tags/list").status_code == 401
    http.session.close()
    assert used(lab, key_of(lab, "developer")) == found


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_restart_forgets_nothing(make_lab: Any, end: str) -> None:
    lab = make_lab()
    iam, key = lab.client("iam"), key_of(lab, "developer")
    trust = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
        '"Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]}'
    )
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust)
    session = lab.client("sts").assume_role(RoleArn="arn:aws:iam::123456789012:role/deploy", RoleSessionName="one")[
        "Credentials"
    ]
    lab.client("sts", "developer", region="eu-west-1").get_caller_identity()
    keys = (session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    lab.client_with("sts", *keys).get_caller_identity()
    before, role = used(lab, key), iam.get_role(RoleName="deploy")["Role"]["RoleLastUsed"]
    assert (before["ServiceName"], before["Region"]) == ("sts", "eu-west-1")
    assert role["Region"] == "us-east-1"
    if end == "stop":
        lab.stop()
    else:
        lab.control.advance(SAVE_SECONDS)  # what is due has been done when this is answered
        os.kill(lab.process.pid, signal.SIGKILL)
        lab.process.communicate()
        lab.home.control.unlink()
    lab.start()
    assert used(lab, key) == before
    assert iam.get_role(RoleName="deploy")["Role"]["RoleLastUsed"] == role
    lab.control.reset()
    assert used(lab, key) == {"ServiceName": "N/A", "Region": "N/A"}
    lab.stop()


def test_noting_a_use_writes_nothing_and_a_round_writes_once(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        last = LastUsed(store)
        version = store.version
        for second in range(1000):
            last.note(KEY, float(second), "ecr", "us-east-1")
            last.note(SESSION, float(second), "sts", "us-east-1")
        assert store.version == version
        assert last.get("AKIA1") == (999.0, "ecr", "us-east-1")
        last.save_at(1000.0)
        assert store.version == version + 1
        last.note(KEY, 1001.0, "ecr", "us-west-2")
        last.save_at(1000.0 + SAVE_SECONDS - 1)
        assert store.version == version + 1
        assert LastUsed(store).get("AKIA1") == (999.0, "ecr", "us-east-1")
        last.save_at(1000.0 + SAVE_SECONDS)
        last.save_at(1000.0 + 2 * SAVE_SECONDS)  # nothing was used since
        assert store.version == version + 2
        fresh = LastUsed(store)
        assert fresh.get("AKIA1") == (1001.0, "ecr", "us-west-2")
        assert fresh.get("ASIA1") == fresh.get("AROA1") == (999.0, "sts", "us-east-1")
        assert fresh.get("AIDA1") is None
        # The clock was put back.
        last.note(KEY, 5.0, "ecr", "us-east-1")
        last.save_at(5.0)
        assert LastUsed(store).get("AKIA1") == (5.0, "ecr", "us-east-1")


def test_dates_are_lab_time(lab: Any) -> None:
    lab.control.advance(1000 * 86400)
    lab.client("sts", "ci").get_caller_identity()
    assert (used(lab, key_of(lab, "ci"))["LastUsedDate"] - datetime.now(UTC)).days in (999, 1000)
