"""What the cloud does by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ecrlab.aws import work
from ecrlab.aws.cloud import Cloud
from ecrlab.aws.host import Host
from ecrlab.clock import Clock
from ecrlab.home import Home
from ecrlab.server.serve import serve
from ecrlab.store import Store


def cloud_of(path: Path) -> Cloud:
    store = Store.open(path)
    return Cloud(store, Clock(store), Host())


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []
    monkeypatch.setattr(work, "ROUNDS", [])
    monkeypatch.setitem(work.WORKERS, "note", lambda cloud, task: found.append(task["n"]))

    def later(cloud: Cloud, task: work.Task) -> None:
        raise work.NotNow

    def fails(cloud: Cloud, task: work.Task) -> None:
        raise ValueError("a fault")

    monkeypatch.setitem(work.WORKERS, "later", later)
    monkeypatch.setitem(work.WORKERS, "fails", fails)
    return found


def test_tasks_are_done_once_in_their_order_and_survive_a_restart(tmp_path: Path, done: list[Any]) -> None:
    cloud = cloud_of(tmp_path)
    for number in range(12):
        cloud.work.add("note", {"n": number})
    cloud.store.close()
    cloud = cloud_of(tmp_path)
    assert cloud.work.run(cloud) == 12
    assert done == list(range(12))
    assert cloud.work.run(cloud) == 0
    cloud.store.close()


def test_what_waits_stays_and_a_fault_stops_nothing(
    tmp_path: Path, done: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    cloud = cloud_of(tmp_path)
    cloud.work.add("later", {"n": 1})
    cloud.work.add("fails", {"n": 2})
    cloud.work.add("note", {"n": 3})
    assert cloud.work.run(cloud) == 2
    assert done == [3]
    assert cloud.work.waiting() == [{"n": 1}]
    assert "a fault" in capsys.readouterr().err
    cloud.store.close()


def test_a_task_is_there_exactly_when_its_transaction_is(tmp_path: Path, done: list[Any]) -> None:
    cloud = cloud_of(tmp_path)

    def cut_short() -> None:
        with cloud.store.transaction():
            cloud.work.add("note", {"n": 1})
            raise KeyError

    with pytest.raises(KeyError):
        cut_short()
    assert cloud.work.run(cloud) == 0
    assert done == []
    cloud.store.close()


async def test_what_is_under_way_when_the_lab_stops_ends_before_its_store_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, found = threading.Event(), []

    def slow(self: work.Work, cloud: Cloud) -> int:
        begun.set()
        time.sleep(1)
        found.append(cloud.store.table("kept").get("nothing"))
        return 0

    monkeypatch.setattr(work.Work, "run", slow)
    serving = asyncio.create_task(serve(Home(tmp_path / "home"), 0))
    assert await asyncio.to_thread(begun.wait, 30)
    os.kill(os.getpid(), signal.SIGTERM)
    await serving
    assert found == [None]
