"""The drills' evidence, proved both ways on a real lab: untouched, every wrong attempt, every right one."""

from __future__ import annotations

import re

import pytest

from ecrlab.home import Home
from ecrlab_course.authoring.exercises import Outcome, Verdict
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Attempt, Drill, drills

DRILLS = drills()
ACCEPTED = [(drill, attempt) for drill in DRILLS.values() for attempt in drill.accepts]
REJECTED = [(drill, attempt) for drill in DRILLS.values() for attempt in drill.rejects]
SEEDED = [(drill, seed) for drill in DRILLS.values() for seed in drill.seeds]


def named(value: object) -> str:
    if isinstance(value, Drill):
        return value.id
    return re.sub(r"\W+", "-", value.name if isinstance(value, Attempt) else str(value))


@pytest.fixture
def drill_lab(running: Home) -> DrillLab:
    return DrillLab(running)


def attempted(lab: DrillLab, drill: Drill, attempt: Attempt) -> Verdict:
    """Prepare the drill, make the attempt, and return the verdict; a second look must say the same."""
    lab.seed = attempt.seed or drill.seeds[0]
    lab.prepare(drill)
    lab.mark = lab.last()
    if attempt.do is not None:
        attempt.do(lab)
    findings = attempt.findings(lab) if callable(attempt.findings) else attempt.findings
    looking = lab.looking(lab.mark)
    assert isinstance(looking, DrillLab)
    looking.seed = lab.seed
    before = lab.last()
    verdict = drill.evidence(looking, findings or {})
    assert drill.evidence(looking, findings or {}) == verdict
    assert lab.rows(before) == [], "a check leaves no rows that a learner sees"
    return verdict


@pytest.mark.parametrize(("drill", "seed"), SEEDED, ids=named)
def test_untouched(drill: Drill, seed: str, drill_lab: DrillLab) -> None:
    verdict = attempted(drill_lab, drill, Attempt("untouched", seed=seed))
    assert verdict.outcome is Outcome.UNTOUCHED, verdict
    assert verdict.message


@pytest.mark.parametrize(("drill", "attempt"), REJECTED, ids=named)
def test_rejected(drill: Drill, attempt: Attempt, drill_lab: DrillLab) -> None:
    verdict = attempted(drill_lab, drill, attempt)
    assert verdict.outcome is Outcome.NOT_YET, verdict
    assert verdict.misconception == attempt.misconception, verdict
    assert attempt.says in verdict.message


@pytest.mark.parametrize(("drill", "attempt"), ACCEPTED, ids=named)
def test_accepted(drill: Drill, attempt: Attempt, drill_lab: DrillLab) -> None:
    verdict = attempted(drill_lab, drill, attempt)
    assert verdict.outcome is Outcome.PASSED, verdict
