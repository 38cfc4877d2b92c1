"""The lab's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

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
