"""What lessons look at and build from, in a real lab."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecrlab_course.authoring import evidence, staging
from ecrlab_course.toolbox.lab import Lab

NAME = "evidence/web"
IRELAND = "eu-west-1"


@pytest.fixture
def clean(lab: Lab) -> Lab:
    for region in ("us-east-1", IRELAND):
        lab.clear(NAME, region=region)
    lab.user(*staging.PEOPLE)  # a lesson's test before this one may have left them without rights
    return lab


def test_repositories_tags_and_manifests(clean: Lab) -> None:
    assert NAME not in evidence.repositories(clean)
    assert evidence.tags(clean, NAME) == {}
    assert evidence.manifest(clean, NAME, "sha256:" + 64 * "0") == {}
    staging.make_repository(clean, NAME)
    staging.make_repository(clean, NAME)  # a second time changes nothing
    assert NAME in evidence.repositories(clean)
    assert NAME not in evidence.repositories(clean, IRELAND)
    first, second = clean.push(NAME, "1", b"one"), clean.push(NAME, "2", b"two")
    staging.name_again(clean, NAME, "stable", imageTag="1")
    assert evidence.tags(clean, NAME) == {"1": first, "2": second, "stable": first}
    assert [detail["imageDigest"] for detail in evidence.images(clean, NAME)] == [first, second]
    assert evidence.manifest(clean, NAME, first)["layers"]
    assert evidence.manifest(clean, NAME, "sha256:" + 64 * "0") == {}
    assert evidence.short(first) == f"{first[7:15]}…"


def test_a_probe_leaves_no_trace(clean: Lab) -> None:
    staging.make_repository(clean, NAME)
    mark = clean.last()
    evidence.repositories(clean.looking())
    evidence.tags(clean.looking(), NAME)
    assert clean.rows(mark) == []  # not counted over all rows: the X-ray keeps the newest


def test_rows(clean: Lab) -> None:
    staging.make_repository(clean, NAME)
    mark = clean.last()
    clean.push(NAME, "1", profile="developer")
    rows = clean.rows(mark)
    assert {row["service"] for row in evidence.at_registry(rows)} == {"registry"}
    assert len(evidence.at_registry(rows)) < len(rows)
    stored = [row for row in rows if evidence.puts_manifest(row)]
    assert len(stored) == 1
    assert evidence.puts_manifest(stored[0], NAME)
    assert not evidence.puts_manifest(stored[0], "web/other")
    assert evidence.ok(stored[0])
    assert evidence.user_of(stored[0]) == "developer"
    assert evidence.user_of({}) == ""
    assert not evidence.ok({"status": 403})


@pytest.mark.parametrize("region", ["us-east-1", IRELAND])
def test_a_login_is_for_one_registry(clean: Lab, region: str) -> None:
    address = staging.address(clean, region)
    staging.log_out(clean, "ops", region=region)
    config = 'cat "$DOCKER_CONFIG/config.json" 2>/dev/null || true'
    assert address not in staging.made(clean, config, "ops")
    staging.log_in(clean, "ops", region)
    assert f".{region}.amazonaws.com" in address
    host = address.partition("/")[0]
    assert host in staging.made(clean, config, "ops")
    staging.log_out(clean, "ops", region=region)
    assert address not in staging.made(clean, config, "ops")


def test_a_step_that_fails_says_what_it_printed(clean: Lab) -> None:
    assert staging.made(clean, "echo ' well '") == "well"
    with pytest.raises(RuntimeError, match=r"^ls nothing-here 2>&1: ls: cannot access"):
        staging.made(clean, "ls nothing-here 2>&1")


def test_a_learner_s_file_is_the_judge_s_module(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "session.py").write_text("NUMBER = 4\n")
    assert staging.learner_module(tmp_path, "session").NUMBER == 4
