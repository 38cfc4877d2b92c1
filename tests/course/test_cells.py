"""What a cell declares beside its text: how it is read from the source, found by the text, and kept off the page."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import jupytext
import pytest

from ecrlab_course.authoring.cells import CellError, deciding, read
from ecrlab_course.authoring.content import Course, Source, course
from ecrlab_course.authoring.percent import percent
from ecrlab_course.notebook.declared import Declarations, Declared, normalised
from ecrlab_course.publish import build, giveaways, rules

SOURCES = [*course().sources.values(), *course().pages.values()]


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.lesson.id)
def test_the_source_is_read_as_jupytext_reads_it(source: Source) -> None:
    text = source.text.read_text()
    theirs = jupytext.reads(text, fmt={"extension": ".py", "format_name": "percent", "comment_magics": False})
    assert list(percent(text)) == [(cell.cell_type, cell.source, dict(cell.metadata)) for cell in theirs.cells]


@pytest.fixture
def altered(tmp_path: Path) -> Source:
    """Lesson 00 with a source of its own, to be changed by a test."""
    source = course().lessons["00"]
    folder = tmp_path / "content" / "lessons" / source.folder.name
    folder.mkdir(parents=True)
    (folder / "lesson.py").write_text(source.text.read_text())
    for name in ("facts.toml", "course.toml"):
        (tmp_path / "content" / name).write_text((source.folder.parents[1] / name).read_text())
    return dataclasses.replace(source, folder=folder)


def changed(source: Source, old: str, new: str) -> Source:
    text = course().lessons["00"].text.read_text()
    assert old in text
    source.text.write_text(text.replace(old, new, 1))
    return source


def lookup(*sources: Source) -> Declarations:
    return Declarations(Course(sources[0].folder.parents[2], {source.lesson.id: source for source in sources}))


def test_no_notebook_holds_what_its_cells_declare() -> None:
    source = course().lessons["00"]
    declared = {cell.id: cell for cell in read(source)}
    assert declared["00-25"].fails == "pull-without-tag"
    for kind in ("notebooks", "solutions"):
        cells = {cell.id: cell for cell in build.notebook(source, kind).cells}
        assert "pull-without-tag" not in str(cells["00-25"])
        assert ("00-26" in cells) is (kind == "solutions")
    assert "How to read it" in declared["00-26"].text


def test_a_cell_is_found_by_its_text_whatever_an_editor_did_to_it(altered: Source) -> None:
    found = Declarations(course())
    cell = '%%bash\ndocker pull "$REGISTRY/hello:3"'
    what = found.of(cell, "00")
    assert what.fails == "pull-without-tag"
    assert "Three questions" in what.reading
    for same in (cell + "\n\n", "\n" + cell, cell.replace("\n", "\r\n"), cell.replace("\n", "  \n"), f"{cell} \t"):
        assert found.of(same, "00") == what, same
        assert found.of(same) == what, same
    for other in (cell.replace("hello:3", "hello:2"), cell + "\necho", "# mine\n" + cell, "", "%%bash 'x"):
        assert found.of(other, "00") == Declared(), other


def test_the_options_of_bash_may_stand_in_any_order() -> None:
    assert normalised("%%bash --fails 'no way' --as ops\nx") == normalised("%%bash  --as ops --fails 'no way'\r\nx\n")
    assert normalised("%%bash --as ops\nx") != normalised("%%bash --as dev\nx")
    assert normalised("%%bash '\nx") == "%%bash '\nx"


def test_the_open_page_decides_about_a_text_that_lessons_declare_differently(altered: Source) -> None:
    other = dataclasses.replace(changed(altered, "pull-without-tag", "pull-without-login"), lesson=dataclasses.replace(
        altered.lesson, id="07"
    ))  # fmt: skip
    found = lookup(course().lessons["00"], other)
    cell = '%%bash\ndocker pull "$REGISTRY/hello:3"'
    assert found.of(cell, "00").fails == "pull-without-tag"
    assert found.of(cell, "07").fails == "pull-without-login"
    assert found.of(cell, "04") == found.of(cell) == Declared()


def test_the_cell_that_decides_a_prediction_is_the_next_one_that_runs() -> None:
    cells = read(course().lessons["00"])
    decides = {identifier: cell.id for identifier, (_, cell) in deciding(cells).items()}
    assert decides["00-e1"] == "00-10"
    assert decides["00-g1"] == decides["00-g3"] == "00-34"
    text = next(cell.text for cell in cells if cell.id == "00-10")
    assert Declarations(course()).decided_by(text + "\n") == {"00-e1"}
    assert Declarations(course()).decided_by(text + "\necho") == set()


def test_a_source_that_cannot_be_read_hides_no_other(altered: Source) -> None:
    broken = dataclasses.replace(changed(altered, 'id="00-02" ', ""), lesson=dataclasses.replace(
        altered.lesson, id="07"
    ))  # fmt: skip
    with pytest.raises(CellError, match="every cell has an id"):
        read(broken)
    assert lookup(broken, course().lessons["00"]).of('%%bash\ndocker pull "$REGISTRY/hello:3"').fails


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"reading"]', '"reading"] minutes=1', "no minutes"),
        ('"reading"]\n#', '"reading"]\n# ![a picture of it](images/x.svg)\n#', "no picture"),
        ('"fail","volatile"] fails', '"reading"] fails', "no code"),
        ('# %% id="00-25"', '# %% [markdown] id="x" tags=["core"]\n# x\n\n# %% id="00-25"', None),
        ('# %% [markdown] id="00-26"', '# %% [markdown] id="x"\n# x\n\n# %% [markdown] id="00-26"', "directly"),
        ('# %% id="00-36"', '# %% id="x" tags=["core"] fails="x"\nlab.xray()\n\n# %% id="00-36"', "is typed anywhere"),
        ('# %% id="00-36"', '# %% id="x" tags=["core"] fails="x"\nlab.xray()\n\n# %% id="00-36"', "cells 00-12 and x"),
        ("# %%bash\n# docker pull", "# %%bash --fails x\n# docker pull", "gives the answer away"),
        ("| tail -1", "2>/dev/null | tail -1", "cell 00-10: 2>/dev/null hides"),
    ],
)  # fmt: skip
def test_what_cells_declare_is_held(altered: Source, old: str, new: str, says: str | None) -> None:
    source = changed(altered, old, new)
    found = rules.examine(source, build.notebook(source, "notebooks"), build.notebook(source, "solutions"))
    wrong = [line for line in found.wrong if "there is no picture" not in line]
    assert any(says in line for line in wrong) if says else wrong == [], wrong


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('fails="pull-without-tag"', 'fails="pull-without-tag"', None),
        ("# ## An error, read like a sentence", "# ## Manifest unknown", "“manifest unknown”"),
        ("# ## Your turn", "# ## Denied: the second push", "“denied”"),
        ('"reading"]\n# **How', '"text"]\n# **How', "cell 00-26 explains 00-25"),
        ("# ## What just happened\n#\n", "", "cell 00-11 explains 00-10"),
        ("earlier run left.\n", "earlier run left. `aws` arranges, `docker` carries.\n", "which is asked in 00-e1"),
        ("# ## What just happened\n", "# ## What just happened\n# `aws` arranges, docker carries.\n", "00-11 tells"),
    ],
)  # fmt: skip
def test_what_gives_an_answer_away_is_found(altered: Source, old: str, new: str, says: str | None) -> None:
    source = changed(altered, old, new)
    found = giveaways.found(source, read(source))
    assert any(says in line for line in found) if says else found == [], found


def test_the_words_of_a_refusal_are_not_told_before_the_cell_that_is_predicted_to_meet_it(altered: Source) -> None:
    """The same holds for the cell itself: a comment in it is read, too."""
    old, new = '"run","volatile"] minutes=1\n# %%bash', '"run","volatile"] minutes=1 fails="pull-without-tag"\n# %%bash'
    source = changed(altered, old, new)
    assert giveaways.found(source, read(source)) == []
    source = changed(altered, old, f"{new}\n# # it ends with: manifest unknown: Requested image not found")
    found = giveaways.found(source, read(source))
    assert ["cell 00-10 tells “manifest unknown: requested image not found”" in line for line in found] == [True]
