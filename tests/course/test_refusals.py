"""The table of refusals against what engines printed: recorded from each by `make engines`, replayed here.

The engine of this test run has one store; learners have others. tests/course/refusals holds a file for each.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ecrlab.engine import Engine
from ecrlab.home import Home
from ecrlab_course.authoring.content import course
from ecrlab_course.notebook import running_cell
from ecrlab_course.notebook.engine_words import side_by_side
from ecrlab_course.notebook.lab import NotebookLab
from ecrlab_course.notebook.paragraph import CellFailed
from ecrlab_course.toolbox.refusals import (
    ENGINES,
    NOTHING,
    engine_of,
    refusals,
    said,
    with_words,
    wordless,
)

RECORDED = {
    path.stem: tomllib.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parent / "refusals").glob("*.toml"))
}
CASES = [(name, key) for name, texts in RECORDED.items() for key in texts if key != "engine"]


def test_every_engine_was_recorded_with_every_refusal() -> None:
    assert {texts["engine"] for texts in RECORDED.values()} == {"graph", "containerd", "podman"}
    for name, texts in RECORDED.items():
        assert set(texts) - {"engine"} == set(refusals()), name


@pytest.mark.parametrize(("name", "key"), CASES)
def test_what_an_engine_printed_is_in_the_table(name: str, key: str) -> None:
    texts = RECORDED[name]
    printed, sentence = texts[key]["printed"], texts[key]["said"]
    assert refusals()[key].fits(texts["engine"], printed, sentence)


@pytest.mark.parametrize(("name", "key"), CASES)
def test_no_other_refusal_is_taken_for_it(name: str, key: str) -> None:
    """But where the words are the same, and the registry's sentence too."""
    texts = RECORDED[name]
    printed, sentence, engine = texts[key]["printed"], texts[key]["said"], texts["engine"]
    taken = {other.key for other in refusals().values() if other.fits(engine, printed, sentence)}
    twins = {
        other.key
        for other in refusals().values()
        if other.prints[engine] in refusals()[key].prints[engine] and (not wordless(printed) or other.is_said(sentence))
    }
    assert taken <= twins | {key}


@pytest.mark.parametrize("engine", ["containerd", "podman"])
def test_where_an_engine_hides_the_words_the_x_ray_has_them(engine: str) -> None:
    texts = next(texts for texts in RECORDED.values() if texts["engine"] == engine)
    hidden = {key: rows for key, rows in texts.items() if key != "engine" and wordless(rows["printed"])}
    assert len(hidden) >= 5
    for key, rows in hidden.items():
        assert refusals()[key].is_said(rows["said"]), key
        assert rows["said"] in with_words(rows["printed"], rows["said"]), key
        assert not refusals()[key].fits(texts["engine"], rows["printed"], "denied: for another reason"), key


def test_words_that_an_engine_prints_itself_are_not_repeated() -> None:
    assert with_words("denied: User: …\n", "denied: User: …") == "denied: User: …\n"


def test_a_challenge_and_an_upload_given_up_are_not_refusals() -> None:
    rows = [
        {"said": "unauthorized: Not Authorized", "method": "GET", "path": "/v2/", "status": 401},
        {"said": "denied: no", "method": "HEAD", "path": "/v2/x/blobs/sha256:1", "status": 403},
        {
            "said": "blob upload invalid: the connection broke",
            "method": "PATCH",
            "path": "/v2/x/blobs/uploads/1",
            "status": 499,
        },
        {"said": "", "method": "GET", "path": "/v2/x/manifests/1", "status": 405},
    ]
    assert said(rows) == "denied: no"
    assert said(rows[:1]) == ""


def test_older_forms_of_a_refused_manifest_say_nothing_new() -> None:
    """Podman tries them all (seen with 5.8.6)."""
    rows = [
        {"said": "name unknown: x", "method": "POST", "path": "/v2/x/blobs/uploads/", "status": 404},
        {"said": "tag invalid: immutable", "method": "PUT", "path": "/v2/x/manifests/1", "status": 405},
        {"said": "manifest invalid: form", "method": "PUT", "path": "/v2/x/manifests/1", "status": 405},
        {"said": "manifest invalid: another form", "method": "PUT", "path": "/v2/x/manifests/1", "status": 405},
    ]
    assert said(rows) == "tag invalid: immutable"


def test_containerd_is_challenged_at_every_blob() -> None:
    """Seen once in forty pushes with Engine 28.5: the challenge of another blob came after the refusal."""
    rows = [
        {"said": "unauthorized: Not Authorized", "method": "HEAD", "path": "/v2/x/blobs/sha256:1", "status": 401},
        {"said": "denied: expired", "method": "HEAD", "path": "/v2/x/blobs/sha256:1", "status": 403},
        {"said": "unauthorized: Not Authorized", "method": "HEAD", "path": "/v2/x/blobs/sha256:2", "status": 401},
    ]
    assert said(rows) == "denied: expired"
    assert said(rows[:1]) == "unauthorized: Not Authorized"


def test_the_lab_knows_its_engine(tmp_path: Path) -> None:
    home = Home(tmp_path).make()
    assert engine_of(home) == "standin"
    for engine, expected in (
        (Engine("none"), "standin"),
        (Engine("found", "unix:///x", "28", "Docker"), "graph"),
        (Engine("found", "unix:///x", "29", "Docker", store="containerd"), "containerd"),
        (Engine("found", "unix:///x", "5", "Podman"), "podman"),
    ):
        engine.save(home)
        assert engine_of(home) == expected


def test_both_are_shown_side_by_side() -> None:
    shown = side_by_side(refusals()["push-without-repository"], "containerd")
    assert "yours" in shown.text.splitlines()[2]
    assert "error from registry: The repository with name '…' does not exist" in shown.text
    assert "name unknown: The repository with name" in shown.text
    assert NOTHING in shown.text
    assert ENGINES["standin"] not in shown.text


def test_cells_that_are_expected_to_fail_name_refusals_of_the_table() -> None:
    named = set()
    for source in course().sources.values():
        text = source.text.read_text(encoding="utf-8")
        for words in re.findall(r'^# (?:%%bash.*--fails |%% .*fails=")([a-z]+-[a-z-]+)"?$', text, re.MULTILINE):
            assert words in refusals(), (source.lesson.id, words)
            named.add(words)
    assert len(named) >= 8


def other(key: str) -> str:
    return "pull-without-tag" if key == "push-to-immutable-tag" else "push-to-immutable-tag"


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_a_cell_replays_what_an_engine_printed(
    name: str, running: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The magic takes each engine's words, refuses them for another refusal, and shows the sentence that was hidden."""
    texts = RECORDED[name]
    shown: list[Any] = []
    monkeypatch.setattr(running_cell, "show", shown.append)
    monkeypatch.setattr(running_cell.refusals, "engine_of", lambda home: texts["engine"])
    monkeypatch.chdir(tmp_path)
    lab = NotebookLab(running, course(), tmp_path)
    for key in refusals():
        rows = texts[key]
        Path("printed").write_text(rows["printed"], encoding="utf-8")
        monkeypatch.setattr(lab, "refused_since", lambda after, sentence=rows["said"]: sentence)
        shown.clear()
        lab.bash(f"--fails {key}", "cat printed; exit 1")
        assert any(refusals()[key].what in each.text for each in shown), key
        if wordless(rows["printed"]):
            assert any(rows["said"] in each.text for each in shown), key
        with pytest.raises(CellFailed, match="for another reason"):
            lab.bash(f"--fails {other(key)}", "cat printed; exit 1")
