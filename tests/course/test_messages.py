"""The words of cards: what is asked for is there, what is there is asked for; session and card know no kind."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecrlab_course import messages
from ecrlab_course.kinds.register import KINDS
from ecrlab_course.messages import MessageError, fill, say

PACKAGE = Path(messages.__file__).parent
BY_KIND = ("kind", "button", "look")
"""Messages that the card asks for by the kind's word."""


def asked(path: Path) -> Iterator[str]:
    """Yield the names that a file asks `say` for; a gap in a name is a *."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    pieces = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in pieces:
            name = node.value
        elif isinstance(node, ast.JoinedStr):
            name = "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)
        else:
            continue
        if re.fullmatch(r"[a-z*-]+\.[a-z_0-9*]+", name):
            yield name


def test_every_message_is_asked_for_and_every_one_asked_for_is_there() -> None:
    known = messages.messages()
    names = {name for path in PACKAGE.rglob("*.py") for name in asked(path)}
    patterns = [re.compile(re.escape(name).replace(r"\*", "[a-z0-9_-]+")) for name in names]
    unused = [name for name in known if not any(pattern.fullmatch(name) for pattern in patterns)]
    assert unused == []
    tables = {name.partition(".")[0] for name in known}
    missing = [name for name in names if name.partition(".")[0] in tables and "*" not in name and name not in known]
    assert missing == []


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.kind)
def test_every_kind_has_its_words(kind: type) -> None:
    wanted = {"kind": True, "button": kind.answered, "look": kind.looked_at}
    for name in BY_KIND:
        assert (f"{kind.kind}.{name}" in messages.messages()) is wanted[name], name


def test_a_gap_without_a_field_is_an_error_that_names_it() -> None:
    assert fill("{a} and {b: c} and {A}", {"a": 1}) == "1 and {b: c} and {A}"
    with pytest.raises(MessageError, match=r"\{b\} has nothing to be filled with; there are: a"):
        fill("{b}", {"a": 1})
    with pytest.raises(MessageError, match=r"messages\.toml, order\.same_number: \{number\}"):
        say("order.same_number")
    with pytest.raises(MessageError, match=r"no message 'order\.fly'"):
        say("order.fly")


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "messages.toml").write_text("[card]\nnumber = 3\n")
    with pytest.raises(MessageError, match=r"\[card\] holds texts"):
        messages.messages(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "learner/session.py",
        "notebook/exercise_card.py",
        "notebook/extension.py",
        "notebook/lab.py",
        "publish/catalogue.py",
        "publish/teaching.py",
    ],
)
def test_session_and_card_know_no_kind(name: str) -> None:
    """A new kind is one new file and one line in the register."""
    tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"))
    kinds = {kind.__name__ for kind in KINDS.values()}
    asked = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("isinstance", "type")
        and any(isinstance(inner, ast.Name) and inner.id in kinds for inner in ast.walk(node))
    ]
    assert asked == []
