"""The progress file: readable, written whole, never lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ecrlab.home import Home
from ecrlab_course.desk.ticket import book_of
from ecrlab_course.progress import Progress, ProgressError


def test_what_is_written_is_read_by_another(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    Progress(path).update("04-e1", answer="b", confidence=3)
    Progress(path).judged("04-e1", "not yet", "ecr-is-global", 3)
    Progress(path).judged("04-e1", "passed", None, 3)
    record = Progress(path).exercise("04-e1")
    assert record["answer"] == "b"
    assert record["first"] == "not yet"
    assert record["outcome"] == "passed"
    assert record["passed"]
    assert [entry["outcome"] for entry in record["history"]] == ["not yet", "passed"]
    assert json.loads(path.read_text())["version"] == 1
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_same_verdict_twice_is_one_line_of_history(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "progress.json")
    for _ in range(3):
        progress.judged("04-e1", "not yet", "left-out", None)
    assert progress.exercise("04-e1")["tries"] == 1


def test_each_check_is_counted_with_its_time_and_hints_and_the_solution_have_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = Progress(tmp_path / "progress.json")
    for second in range(3):
        monkeypatch.setattr("ecrlab_course.progress.now", lambda at=second: f"2026-11-30T12:00:0{at}+00:00")
        progress.judged("04-e1", "not yet", "left-out", None)
        progress.hinted("04-e1", min(second + 1, 2))
        progress.solved("04-e1")
    record = progress.exercise("04-e1")
    assert (record["checks"], record["tries"], record["last"][-8:]) == (3, 1, "02+00:00")
    assert [at[-8:-6] for at in record["hinted"]] == ["00", "01"]
    assert (record["hints"], record["solution_seen"], record["solution_at"][-8:-6]) == (2, True, "00")


def test_a_record_from_before_checks_were_counted_goes_on_from_its_tries(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "progress.json")
    progress.update("04-e1", tries=4)
    progress.judged("04-e1", "passed", None, None)
    assert progress.exercise("04-e1")["checks"] == 5


def test_a_variable_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path / "home")
    assert home.progress == home.path / "progress.json"
    monkeypatch.setenv("ECRLAB_PROGRESS", str(tmp_path / "kept" / "me.json"))
    Progress(home.progress).judged("04-e1", "passed", None, None)
    assert (tmp_path / "kept" / "me.json").exists()
    assert book_of(home).path == tmp_path / "kept" / "tickets.json"


def test_a_damaged_file_is_kept_and_the_last_good_copy_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    progress = Progress(path)
    progress.judged("04-e1", "passed", None, None)
    progress.judged("04-e2", "passed", None, None)
    path.write_text('{"version": 1, "exercises": {"04-')
    assert progress.exercise("04-e1")["outcome"] == "passed"
    progress.judged("04-e3", "passed", None, None)
    kept = [item for item in tmp_path.iterdir() if ".damaged-" in item.name]
    assert [item.read_text() for item in kept] == ['{"version": 1, "exercises": {"04-']
    assert set(progress.read()["exercises"]) >= {"04-e1", "04-e3"}


def test_a_later_format_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    path.write_text('{"version": 9, "exercises": {}, "lessons": {}}')
    with pytest.raises(ProgressError, match="later version"):
        Progress(path).update("04-e1", answer="a")
    assert path.read_text() == '{"version": 9, "exercises": {}, "lessons": {}}'


def test_unknown_fields_survive(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    path.write_text('{"version": 1, "exercises": {"x": {"mine": 1}}, "lessons": {}, "notes": ["mine"]}')
    Progress(path).update("04-e1", answer="a")
    data = json.loads(path.read_text())
    assert data["notes"] == ["mine"]
    assert data["exercises"]["x"] == {"mine": 1}


def test_two_notebooks_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    script = (
        "from pathlib import Path\nfrom ecrlab_course.progress import Progress\nimport sys\n"
        "for n in range(25):\n    Progress(Path(sys.argv[1])).update(f'{sys.argv[2]}-{n}', answer='a')\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, str(path), name]) for name in ("04", "06")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert len(Progress(path).read()["exercises"]) == 50


def test_kill_9_while_writing_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    script = (
        "from pathlib import Path\nfrom ecrlab_course.progress import Progress\nimport itertools, sys\n"
        "for n in itertools.count():\n"
        "    Progress(Path(sys.argv[1])).update(f'04-e{n % 40}', answer='a' * n)\n"
    )
    for pause in (0.15, 0.2, 0.25):
        child = subprocess.Popen([sys.executable, "-c", script, str(path)])
        until = time.monotonic() + 20
        while not path.exists() and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(pause)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        assert json.loads(path.read_text())["exercises"]
    Progress(path).update("after", answer="b")
    assert not [item for item in tmp_path.iterdir() if "damaged" in item.name]
