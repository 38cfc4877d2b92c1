"""The table that fills itself: Docker Hub beside ECR, each cell with the learner's request that proved it.

What was shown is kept in the progress file, so that no reset of the lab takes it away.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecrlab.client import LabError
from ecrlab_course.documents.xray_row import Row
from ecrlab_course.learner.proof import Evidence, Proof
from ecrlab_course.learner.proofs import PROOFS
from ecrlab_course.messages import fill, say
from ecrlab_course.progress import Progress, ProgressError, now
from ecrlab_course.toolbox.lab import Lab

SIDES = ("hub", "ecr")
KEPT_ROWS, KEPT_PROOFS = 3000, 3
_OWN = ("seq", "time", "wall", "client", "principal", "service", "method", "path", "operation", "status", "said")
TELLING = ("limit", "granted")
"""The gaps that make an answer another one; with others (a number, a name) the same answer is not kept again."""
_NOT_ANSWERS = ("documented", "facts", "lesson")


@dataclass(frozen=True)
class Shown:
    """One thing that a cell says: the words, and of the request that proved it what the table prints.

    ``here`` tells whether the lab's X-ray still has that request.
    """

    words: str
    row: Mapping[str, Any]
    day: str
    here: bool
    fresh: bool


@dataclass(frozen=True)
class Cell:
    """One cell: ``state`` is "shown", "documented", "open" or "later"; newest of ``shown`` first."""

    state: str
    shown: tuple[Shown, ...] = ()
    documented: str = ""
    facts: tuple[str, ...] = ()
    lesson: str = ""


@dataclass(frozen=True)
class Line:
    """One row of the table: its id, its number, its question, and its cells in the order of `SIDES`."""

    id: str
    number: int
    question: str
    cells: tuple[Cell, ...]


@cache
def words(root: Path) -> dict[str, dict[str, Any]]:
    """Return content/table.toml of the course below `root`."""
    with (root / "content" / "table.toml").open("rb") as file:
        return tomllib.load(file)


class Comparison:
    """One learner's table. `update` reads what is new in the X-ray; `lines` is what to draw."""

    def __init__(self, lab: Lab, progress: Progress, root: Path) -> None:
        self._lab = lab
        self._progress = progress
        self._root = root
        self._rows: list[Row] = []
        self._built: list[tuple[int, int]] = []
        self._fresh: set[str] = set()

    def built(self, before: int, after: int) -> None:
        """Note that the requests after one number, up to another, were the course's own: a checkpoint, a reset."""
        self._built.append((before, after))

    def update(self) -> list[str]:
        """Fill the cells that new requests prove; return their names. Nothing where the lab does not answer."""
        with suppress(LabError, OSError, ProgressError):
            return self._update()
        return []

    def _update(self) -> list[str]:
        kept = self._progress.read()["table"]
        last = self._lab.last()
        mark = int(kept.get("mark", -1))
        if last < mark:  # the lab was wiped: it counts from one again
            mark, self._rows = 0, []
        if last == mark:
            return []
        if mark < 0:  # whose requests came before the first look is not known
            self._progress.change(lambda data: _keep(data["table"], {}, last))
            return []
        new = [row for row in self._lab.rows(mark) if not self._is_own(row)]
        self._rows = [*self._rows, *new][-KEPT_ROWS:]
        found = self._proofs(kept.get("cells", {})) if new else {}
        self._progress.change(lambda data: _keep(data["table"], found, last))
        if found:
            self._fresh = set(found)
        return list(found)

    def _is_own(self, row: Row) -> bool:
        return any(before < row["seq"] <= after for before, after in self._built)

    def _proofs(self, kept: Mapping[str, Any]) -> dict[str, list[Proof]]:
        """Return by cell what was shown and is not kept: an answer of another name, or that name after another."""
        evidence = Evidence(self._rows, self._open_to_all)
        found: dict[str, list[Proof]] = {}
        for cell, prove in PROOFS.items():
            latest = (kept.get(cell) or [{}])[0]
            after = float(latest.get("row", {}).get("wall", 0.0))
            said = latest.get("answer"), latest.get("gaps")
            for proof in prove(evidence):
                if proof.row["wall"] > after and (proof.answer, proof.gaps) != said:
                    if proof.answer == said[0] and not _differs(proof.gaps, said[1]):
                        continue
                    found.setdefault(cell, []).append(proof)
                    said = proof.answer, proof.gaps
        return found

    def _open_to_all(self, repository: str) -> bool:
        with suppress(ClientError, BotoCoreError):
            ecr = self._lab.looking().client("ecr")
            document = json.loads(ecr.get_repository_policy(repositoryName=repository)["policyText"])
            statements = document["Statement"]
            listed = statements if isinstance(statements, list) else [statements]
            named = [each.get("Principal") for each in listed if each.get("Effect") == "Allow"]
            return any(each in ("*", {"AWS": "*"}, {"AWS": ["*"]}) for each in named)
        return False

    def lines(self, lesson: str = "") -> list[Line]:
        """Return the rows of the table in the order of content/table.toml: all, or those that a lesson fills.

        Raises KeyError for a lesson that fills none.
        """
        kept = self._progress.read()["table"].get("cells", {})
        here = self._numbers(kept)
        found = [
            Line(
                name,
                number,
                str(row["question"]),
                tuple(self._cell(f"{name}.{side}", row[side], kept, here, lesson) for side in SIDES),
            )
            for number, (name, row) in enumerate(words(self._root).items(), 1)
            if not lesson or lesson in (row[side].get("lesson") for side in SIDES)
        ]
        if not found:
            raise KeyError(say("comparison.none", lesson=lesson, lessons=", ".join(self._lessons())))
        return found

    def _lessons(self) -> list[str]:
        """Return the lessons that have rows of their own, in order."""
        return sorted(
            {str(row[side]["lesson"]) for row in words(self._root).values() for side in SIDES if "lesson" in row[side]}
        )

    def _numbers(self, kept: Mapping[str, Any]) -> dict[int, float]:
        """Return by number when the X-ray's rows that proofs name were recorded."""
        wanted = {int(proof["row"]["seq"]) for proofs in kept.values() for proof in proofs}
        found: dict[int, float] = {}
        with suppress(LabError, OSError):
            for number in sorted(wanted):
                batch = self._lab.control.xray(after=number - 1, wait=0, limit=1)["rows"]
                found.update((int(row["seq"]), float(row["wall"])) for row in batch)
        return found

    def _cell(
        self, cell: str, row: Mapping[str, Any], kept: Mapping[str, Any], here: Mapping[int, float], lesson: str
    ) -> Cell:
        proofs = kept.get(cell, [])
        known = [proof for proof in proofs if proof["answer"] in row]
        if known:
            return Cell(
                "shown",
                tuple(
                    Shown(
                        fill(str(row[proof["answer"]]), proof["gaps"]),
                        proof["row"],
                        str(proof["day"]),
                        here.get(int(proof["row"]["seq"])) == float(proof["row"]["wall"]),
                        cell in self._fresh and proof is known[0],
                    )
                    for proof in known
                ),
            )
        if "documented" in row:
            return Cell("documented", documented=str(row["documented"]), facts=tuple(row["facts"]))
        if "lesson" in row and row["lesson"] != lesson:
            return Cell("later", lesson=str(row["lesson"]))
        return Cell("open")


def answers(row: Mapping[str, Any]) -> list[str]:
    """Return the names of the answers that a cell of content/table.toml has words for."""
    return [name for name in row if name not in _NOT_ANSWERS]


def shown_cells(progress: Progress) -> dict[str, str]:
    """Return the newest answer of each cell that was shown, by the cell's name."""
    kept = progress.read()["table"].get("cells", {})
    return {cell: str(proofs[0]["answer"]) for cell, proofs in kept.items() if proofs}


def _differs(gaps: Mapping[str, Any], before: Any) -> bool:
    """Tell whether a proof of the same answer says another thing: a number that grew says nothing new."""
    return any(gaps.get(name) != (before or {}).get(name) for name in TELLING)


def _keep(table: dict[str, Any], found: Mapping[str, Sequence[Proof]], last: int) -> None:
    """Put proofs into the progress file's table, newest first."""
    table["mark"] = last
    cells = table.setdefault("cells", {})
    for cell, proofs in found.items():
        new = [
            {"answer": each.answer, "gaps": each.gaps, "day": now(), "row": {name: each.row.get(name) for name in _OWN}}
            for each in reversed(proofs)
        ]
        distinct = {_said(each): each for each in reversed([*new, *cells.get(cell, [])])}
        newest = sorted(distinct.values(), key=lambda each: float(each["row"]["wall"]), reverse=True)
        cells[cell] = newest[:KEPT_PROOFS]


def _said(proof: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what makes a proof another one than an earlier one of the same cell."""
    return str(proof["answer"]), *(str(proof["gaps"][name]) for name in TELLING if name in proof["gaps"])
