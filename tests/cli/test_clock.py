"""The command `ecrlab clock`, and the status line that says when lab time is not real time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from ecrlab.client import LabClient, LabError
from ecrlab.client.duration import ahead, seconds_of
from ecrlab.home import Home
from ecrlab.host import launch

Ecrlab = Callable[..., "subprocess.CompletedProcess[str]"]

OURS = str(Path(sys.prefix, "bin", "ecrlab").relative_to(Path.cwd()))
"""The command as this checkout's shell finds it."""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("+13h", 46800),
        ("2d", 172800),
        ("+1h30m", 5400),
        ("+1h30min", 5400),
        ("+1.5h", 5400),
        ("+1w", 604800),
        ("+45s", 45),
        ("+1d1d", 172800),
    ],
)
def test_a_step_in_words(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "+", "13", "+13", "h", "+h", "+1H", "+1y", "+ 1h", "+1h ", "1h-2m", "++1h", "+1_0h", "\u0661h"]
)
def test_what_is_not_a_step(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a step of the clock\.$"):
        seconds_of(text)


@pytest.mark.parametrize(("seconds", "words"), [(0, "0 s"), (29, "29 s"), (43260, "12 h 1 min"), (90000, "1 d 1 h")])
def test_a_span_in_words(seconds: float, words: str) -> None:
    assert ahead(seconds) == words


def test_clock_shows_moves_and_goes_back(home: Home, ecrlab: Ecrlab) -> None:
    launch.start(home)
    shown = ecrlab("clock")
    assert shown.returncode == 0
    assert shown.stdout.endswith(" UTC, real time.\n")
    assert "clock" not in ecrlab("status").stdout
    moved = ecrlab("clock", "+13h")
    assert moved.stdout.endswith(f" UTC, 13 h ahead of real time. Put it back: {OURS} clock reset\n")
    said = datetime.fromisoformat(moved.stdout.split("shows ")[1].split(" UTC")[0] + "+00:00")
    assert abs(said.timestamp() - time.time() - 13 * 3600) < 30
    assert "14 h 30 min ahead" in ecrlab("clock", "+1h30m").stdout
    launch.stop(home)
    launch.start(home)
    assert " · clock 14 h 30 min ahead · local, not AWS" in ecrlab("status").stdout
    answer = json.loads(ecrlab("clock", "--json").stdout)
    assert answer["offset_seconds"] == 14.5 * 3600
    assert ecrlab("clock", "reset").stdout.endswith(" UTC, real time.\n")
    assert "clock" not in ecrlab("status").stdout


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("13", "'13' is not a step of the clock. Write a step such as +13h, +2d, +1h30m or +45s"),
        ("tomorrow", "'tomorrow' is not a step of the clock."),
        ("-1h", f"The lab's clock only moves forward. Back to real time: {OURS} clock reset"),
        ("--back", "The lab's clock only moves forward."),
    ],
)
def test_clock_refuses_what_it_cannot_do(ecrlab: Ecrlab, step: str, words: str) -> None:
    answer = ecrlab("clock", step)
    assert answer.returncode == 2
    assert words in answer.stderr
    assert answer.stdout == ""


def test_the_server_bounds_the_clock(home: Home, ecrlab: Ecrlab) -> None:
    assert "is not running" in ecrlab("clock", "+1h").stderr
    launch.start(home)
    too_far = "The lab clock cannot be more than 100 years ahead of real time."
    assert ecrlab("clock", "+999999999d").stderr.strip() == too_far
    client = LabClient(home)
    for wrong, words in (
        (1e300, too_far),
        (float("nan"), "Expected"),
        (float("inf"), "Expected"),
        (-1, "The lab clock only moves forward"),
        (True, "Expected"),
    ):
        with pytest.raises(LabError) as caught:
            client.advance(wrong)
        assert str(caught.value).startswith(words)
    assert client.status()["clock"]["offset_seconds"] == 0
