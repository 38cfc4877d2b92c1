"""The X-ray: numbering, what survives a restart, waiting, names of clients, cost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecrlab.aws.authorization.explain import Asked
from ecrlab.policy import Policies, Request, evaluate
from ecrlab.xray import Entry, XRay, client_of

DOCKER = (
    "docker/20.10.24+dfsg1 go/go1.19.8 git-commit/5d6db84 kernel/6.1.0 os/linux arch/amd64 "
    "UpstreamClient(Docker-Client/28.2.2 \\(linux\\))"
)


def record(xray: XRay, **changes: Any) -> None:
    row: dict[str, Any] = {
        "now": 1_800_000_000.0,
        "user_agent": DOCKER,
        "principal": "arn:aws:iam::123456789012:user/ci",
        "account": "123456789012",
        "region": "us-east-1",
        "service": "registry",
        "method": "POST",
        "path": "/v2/my-web-app/blobs/uploads/",
        "operation": "POST upload",
        "decisions": [],
        "status": 202,
        "error": None,
        "bytes_in": 0,
        "bytes_out": 0,
        "duration_ms": 1.5,
    }
    xray.record(Entry(**{**row, **changes}))


def asked(action: str, decision: str) -> dict[str, str]:
    return {"action": action, "resource": "*", "decision": decision, "reason": f"why {action}", "explanation": "long"}


def test_rows_are_numbered_and_kept_up_to_the_capacity(tmp_path: Path) -> None:
    xray = XRay(tmp_path / "x.jsonl", capacity=10)
    for _ in range(25):
        record(xray)
    assert [row["seq"] for row in xray.rows()] == list(range(16, 26))
    assert [row["seq"] for row in xray.rows(after=23)] == [24, 25]
    assert [row["seq"] for row in xray.rows(after=20, limit=2)] == [21, 22]
    assert xray.rows(after=25) == []


def test_the_denied_question_decides_the_row() -> None:
    xray = XRay()
    record(xray, decisions=[asked("ecr:A", "allowed"), asked("ecr:B", "denied")])
    record(xray, decisions=[asked("ecr:A", "allowed"), asked("ecr:B", "allowed")])
    record(xray, reason="signed")
    denied, allowed, unasked = xray.rows()
    assert (denied["action"], denied["decision"], denied["reason"]) == ("ecr:B", "denied", "why ecr:B")
    assert (allowed["action"], allowed["decision"]) == ("ecr:A", "allowed")
    assert (unasked["action"], unasked["decision"], unasked["reason"]) == (None, "not asked", "signed")
    assert denied["time"] == "2027-01-15T08:00:00.000+00:00"


def test_rows_survive_a_restart_and_a_line_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    first = XRay(path, capacity=10)
    for _ in range(12):
        record(first)
        first.flush()
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open("a") as file:
        file.write('{"seq": 13, "half')
    second = XRay(path, capacity=10)
    assert second.last == 12
    assert [row["seq"] for row in second.rows()] == list(range(3, 13))
    record(second)
    second.flush()
    assert XRay(path, capacity=10).rows()[-1]["seq"] == 13


def test_the_files_do_not_grow_without_limit(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    xray = XRay(path, capacity=10)
    for _ in range(200):
        record(xray)
        xray.flush()
    lines = sum(len(file.read_text().splitlines()) for file in tmp_path.iterdir())
    assert lines <= 20
    assert len(XRay(path, capacity=10).rows()) == 10


async def test_waiting_ends_with_the_next_row() -> None:
    xray = XRay()
    record(xray)
    await asyncio.wait_for(xray.wait(after=0, seconds=5), 0.5)
    waiting = asyncio.create_task(xray.wait(after=1, seconds=5))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    record(xray)
    await asyncio.wait_for(waiting, 0.5)
    begun = time.monotonic()
    await xray.wait(after=2, seconds=0.05)
    assert 0.04 < time.monotonic() - begun < 0.5


@pytest.mark.parametrize(
    ("agent", "client"),
    [
        (DOCKER, "docker"),
        ("aws-cli/1.46.3 md/Botocore#1.44.8 ua/2.1 os/linux", "aws"),
        ("Boto3/1.44.8 md/Botocore#1.44.8 ua/2.1", "boto3"),
        ("containerd/1.6.20", "containerd"),
        ("skopeo/1.9.3 (github.com/containers/image)", "skopeo"),
        ("containers/5.23 (github.com/containers/image)", "skopeo"),
        ("curl/7.88.1", "curl"),
        ("python-requests/2.32", "python"),
        ("crane/v0.20", "crane"),
        ("", "unknown"),
    ],
)
def test_names_of_clients(agent: str, client: str) -> None:
    assert client_of(agent) == client


def test_a_request_costs_less_than_30_microseconds(tmp_path: Path) -> None:
    xray = XRay(tmp_path / "x.jsonl")
    decisions = [asked("ecr:PutImage", "allowed")]
    best = 1.0
    for _ in range(8):  # the best of several: other processes share this machine
        begun = time.process_time()
        for _ in range(500):
            record(xray, decisions=decisions)
        xray.flush()
        best = min(best, (time.process_time() - begun) / 500)
    assert best < 30e-6


def denial() -> Asked:
    who = "arn:aws:iam::123456789012:user/ci"
    request = Request(who, "ecr:PutImage", "arn:aws:ecr:us-east-1:123456789012:repository/app", "123456789012")
    return Asked(evaluate(request, Policies()), Policies())


@pytest.mark.parametrize("look", [XRay.rows, XRay.flush])
def test_a_denial_is_opened_when_somebody_looks(look: Callable[[XRay], object], tmp_path: Path) -> None:
    xray, decision = XRay(tmp_path / "x.jsonl"), denial()
    record(xray, decisions=[decision])
    assert "opened" not in decision
    look(xray)
    assert decision["opened"]["suggestion"]["statements"][0]["statement"]["Action"] == "ecr:PutImage"
    xray.flush()
    assert XRay(tmp_path / "x.jsonl").rows()[0]["decisions"] == [decision]


def test_a_header_that_is_not_text_is_saved(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    xray = XRay(path)
    record(xray, user_agent="a\udcffb")
    xray.flush()
    assert XRay(path).rows()[0]["user_agent"] == "a\udcffb"


def test_rows_that_are_alike_are_saved_each_with_what_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    xray = XRay(path)
    shared = [asked("ecr:A", "allowed")]
    for number in range(6):
        record(
            xray,
            now=1_800_000_000.25 + number,
            decisions=list(shared) if number % 2 else [asked("ecr:A", "denied")],
            status=200 if number < 4 else 404,
            duration_ms=float(number),
            path=f"/v2/{number // 3}",
            trail={"ip": str(number)} if number > 2 else None,
        )
    kept = list(xray.history())
    xray.flush()
    assert list(XRay(path).history()) == kept
