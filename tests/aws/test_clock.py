"""The lab's clock."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from tests.aws.test_private_backend import Http

from ecrlab.clock import Clock
from ecrlab.store import Store


def test_time_moves_forward_and_survives_a_restart(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        clock = Clock(store)
        assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 1
        clock.advance(timedelta(hours=12))
        clock.advance(timedelta(minutes=1))
        assert clock.offset == timedelta(hours=12, minutes=1)
    with Store.open(tmp_path) as store:
        clock = Clock(store)
        assert 43259 < clock.time() - time.time() < 43261
        assert abs(clock.reset() - datetime.now(UTC)) < timedelta(seconds=1)
    with Store.open(tmp_path) as store:
        assert Clock(store).offset == timedelta(0)


def test_it_refuses_to_go_back_or_out_of_range(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        clock = Clock(store)
        with pytest.raises(ValueError, match="only moves forward"):
            clock.advance(timedelta(seconds=-1))
        with pytest.raises(ValueError, match="100 years"):
            clock.advance(timedelta(days=40_000))
        assert clock.offset == timedelta(0)


def test_one_clock_for_logins_sessions_pull_limits_and_last_used(make_lab: Any) -> None:
    lab = make_lab()
    lab.repository("app")
    http = Http(lab)
    iam, sts = lab.client("iam"), lab.client("sts")
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=document, MaxSessionDuration=43200)["Role"]
    session = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="one", DurationSeconds=43200)["Credentials"]
    keys = session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]
    lab.control.hub_limits(anonymous=1)
    hub = lab.control.hub()["address"]

    def pulled() -> int:
        query = {"service": "hub.ecrlab.local", "scope": "repository:ratelimitpreview/test:pull"}
        token = requests.get(f"http://{hub}/token", params=query, timeout=20).json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        return requests.get(
            f"http://{hub}/v2/ratelimitpreview/test/manifests/latest", headers=headers, timeout=20
        ).status_code

    def states() -> tuple[int, bool, int]:
        """The registry's answer, whether the session is good, and the hub's answer."""
        try:
            lab.client_with("sts", *keys).get_caller_identity()
            good = True
        except ClientError as error:
            good = error.response["Error"]["Code"] != "ExpiredToken"
        return http("GET", "app/tags/list").status_code, good, pulled()

    assert states() == (200, True, 200)
    assert states() == (200, True, 429)
    command = [str(Path(sys.prefix) / "bin" / "ecrlab"), "clock", "--home", str(lab.home.path)]
    subprocess.run([*command, "+11h59m"], check=True, capture_output=True, timeout=60)
    assert states() == (200, True, 200)
    lab.stop()
    lab.start()
    subprocess.run([*command, "+2m"], check=True, capture_output=True, timeout=60)
    assert states() == (403, False, 429)
    used = iam.get_access_key_last_used(AccessKeyId=sts._request_signer._credentials.access_key)
    age = used["AccessKeyLastUsed"]["LastUsedDate"] - datetime.now(UTC)
    assert timedelta(hours=11, minutes=50) < age < timedelta(hours=12, minutes=10)
    http.session.close()
    lab.stop()
