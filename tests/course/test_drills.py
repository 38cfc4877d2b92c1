"""The drills' evidence on a real lab: untouched, and every try, right or wrong, with the verdict it must get."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecrlab.home import Home
from ecrlab_course.authoring.evidence import tags
from ecrlab_course.authoring.staging import log_in, make_repository, put_image
from ecrlab_course.documents.attempts import Attempt
from ecrlab_course.documents.verdict import Outcome, Verdict
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Drill, drills
from ecrlab_course.toolbox.lab import Lab

from .conftest import PATH

DRILLS = drills()


def tried(drill: Drill) -> Iterator[tuple[Attempt, bool]]:
    """Yield every try, and whether it is a soak test: an earlier one reaches the same verdict.

    What is right is tried once with each state that the drill has.
    """
    reached: set[tuple[str, ...]] = set()
    for attempt in (*drill.accepts, *drill.rejects, *drill.leaves):
        seed = attempt.seed or drill.seeds[0]
        verdict = (attempt.verdict, seed) if attempt in drill.accepts else (attempt.verdict,)
        yield attempt, verdict in reached
        reached.add(verdict)


TRIES = [
    pytest.param(drill, attempt, marks=pytest.mark.soak if is_soak else ())
    for drill in DRILLS.values()
    for attempt, is_soak in tried(drill)
]
SEEDED = [(drill, seed) for drill in DRILLS.values() for seed in drill.seeds]


def named(value: object) -> str:
    if isinstance(value, Drill):
        return value.id
    return re.sub(r"\W+", "-", value.name if isinstance(value, Attempt) else str(value))


@pytest.fixture
def drill_lab(running: Home) -> DrillLab:
    return DrillLab(running)


def test_a_prepared_image_keeps_its_digest_when_docker_gives_it_another_name(
    running_with_engine: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drill d01 offers docker: it writes the manifest again, so the first one must be in docker's own form."""
    monkeypatch.setenv("PATH", PATH)
    lab = Lab(running_with_engine, tmp_path)
    log_in(lab)
    for name, put in (
        ("by/push", lambda name: lab.push(name, "1", b"pushed")),
        ("by/api", lambda name: put_image(lab, name, "1", {"www/index.html": b"page"}, {"app/start": b"start"})),
    ):
        make_repository(lab, name)
        digest = put(name)
        one, two = f"{lab.registry}/{name}:1", f"{lab.registry}/{name}:2"
        code, output = lab.sh(f"docker pull -q {one}; docker tag {one} {two}; docker push -q {two}")
        assert code == 0, output
        assert tags(lab, name) == {"1": digest, "2": digest}


def attempted(lab: DrillLab, drill: Drill, attempt: Attempt) -> Verdict:
    """Prepare the drill, make the attempt, and return the verdict.

    A second look must say the same; it is taken where nothing was done, and where all was done right.
    """
    lab.seed = attempt.seed or drill.seeds[0]
    lab.prepare(drill)
    lab.mark = lab.last()
    if attempt.do is not None:
        attempt.do(lab)
    findings = attempt.answer(lab) if callable(attempt.answer) else attempt.answer
    looking = DrillLab(lab.home, lab.seed).looking(lab.mark)
    assert isinstance(looking, DrillLab)
    before = lab.last()
    verdict = drill.verdict(looking, findings or {})
    if attempt.do is None or attempt in drill.accepts:
        assert drill.verdict(looking, findings or {}) == verdict
    for hint in drill.hints:
        assert isinstance(hint, str) or hint(drill.seen(looking, findings or {}))
    # ECR's own copies arrive when they arrive, and a service of ECS starts its tasks again.
    asked = [row for row in lab.rows(before) if row["client"] not in ("ecr", "ecs", "ecs-agent")]
    assert asked == [], "a check leaves no rows that a learner sees"
    return verdict


@pytest.mark.parametrize(("drill", "seed"), SEEDED, ids=named)
def test_untouched(drill: Drill, seed: str, drill_lab: DrillLab) -> None:
    verdict = attempted(drill_lab, drill, Attempt("untouched", seed=seed))
    assert verdict.outcome is Outcome.UNTOUCHED, verdict
    assert verdict.message


@pytest.mark.parametrize(("drill", "attempt"), TRIES, ids=named)
def test_each_try_gets_its_verdict(drill: Drill, attempt: Attempt, drill_lab: DrillLab) -> None:
    verdict = attempted(drill_lab, drill, attempt)
    assert verdict.name == attempt.verdict, verdict
    assert verdict.misconception == attempt.misconception
    print("@@", drill.id, "|", attempt.name, "|", verdict.name, "|", verdict.message)
