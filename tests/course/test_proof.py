"""The proof itself: what it sees of a change, and how a checkpoint is put back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ecrlab_course.authoring.content import Course
from ecrlab_course.authoring.staging import log_in, make_repository
from ecrlab_course.documents.verdict import Outcome
from ecrlab_course.kinds.base import Exercise
from ecrlab_course.learner.session import Session
from ecrlab_course.progress import Progress
from ecrlab_course.toolbox.lab import Lab
from ecrlab_course.toolbox.standing import fingerprint

from . import proof
from .conftest import furnished
from .kept import lasting

pytestmark = pytest.mark.timeout(180)

EXERCISE = "04-e5"
Change = Callable[[Lab], object]


def pull(lab: Lab) -> None:
    lab.client("ecr").batch_get_image(repositoryName="my-web-app", imageIds=[{"imageTag": "1.1"}])


def partners_repository(lab: Lab) -> None:
    lab.client("ecr", "partner").create_repository(repositoryName="not-there-before")


CHANGES: dict[str, Change] = {
    "a pull": pull,
    "another account's repository": partners_repository,
    "another Region's": lambda lab: make_repository(lab, "not-there-before", "eu-west-1"),
    "a public repository": lambda lab: lab.client("ecr-public").create_repository(repositoryName="not-there-before"),
    "a tag": lambda lab: lab.push("my-web-app", "2.0"),
    "an image without its tag": lambda lab: lab.client("ecr").batch_delete_image(
        repositoryName="my-web-app", imageIds=[{"imageTag": "1.1"}]
    ),
    "a setting of a repository": lambda lab: lab.client("ecr").put_image_tag_mutability(
        repositoryName="my-web-app", imageTagMutability="IMMUTABLE"
    ),
    "a setting of the registry": lambda lab: lab.client("ecr").put_registry_scanning_configuration(scanType="ENHANCED"),
    "a lifecycle policy": lambda lab: lab.client("ecr").put_lifecycle_policy(
        repositoryName="my-web-app",
        lifecyclePolicyText='{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": '
        '"imageCountMoreThan", "countNumber": 9}, "action": {"type": "expire"}}]}',
    ),
    "a right": lambda lab: lab.client("iam").attach_user_policy(
        UserName="ci", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    ),
    "a group": lambda lab: lab.client("iam").create_group(GroupName="new"),
    "a user of the hub": lambda lab: lab.control.hub_user("ann"),
    "a quota": lambda lab: lab.quota("images per repository", 3),
    "the clock": lambda lab: lab.clock.advance(hours=1),
    "a login": lambda lab: log_in(lab, "ops"),
    "docker's login gone": lambda lab: lab.sh('docker logout "$REGISTRY"'),
    "a name in docker": lambda lab: lab.sh("docker tag my-web-app:1.0 mine:1"),
}
BUILT = (CHANGES["a quota"],)
"""What the server has in memory, too: there the checkpoint is built."""


@pytest.fixture
def exercise(session: Session) -> Exercise:
    found = session.exercise(EXERCISE)
    assert isinstance(found, Exercise)
    return found


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_seen_and_the_checkpoint_put_back(
    change: Change, session: Session, exercise: Exercise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each by itself: what a check did would be found, and no try begins on what another left."""
    built: list[str] = []
    goto = session.goto
    monkeypatch.setattr(session, "goto", lambda lesson, name: (built.append(name), goto(lesson, name)))
    proof.place(session, exercise)
    built.clear()
    proof.place(session, exercise)
    assert built == [], "it stands"
    before, answered = proof.snapshot(session), fingerprint(session.lab)
    assert proof.snapshot(session) == before
    change(session.lab)
    assert proof.snapshot(session)["kept"] != before["kept"]
    proof.place(session, exercise)
    assert built == ([exercise.at] if change in BUILT else [])
    assert change in BUILT or lasting(proof.snapshot(session)["kept"]) == lasting(before["kept"])
    assert fingerprint(session.lab) == answered, "the server says so, too"


def test_files_and_requests_are_seen(session: Session, exercise: Exercise) -> None:
    proof.place(session, exercise)
    before = proof.snapshot(session)
    session.lab.looking().client("ecr").describe_repositories()
    assert proof.snapshot(session) == before
    session.lab.client("ecr").describe_repositories()
    assert {key for key, value in proof.snapshot(session).items() if value != before[key]} == {"last request"}
    session.lab.client("sts").get_session_token()
    assert proof.snapshot(session)["sessions"] != before["sessions"]
    assert session.lab.folder is not None
    (session.lab.folder / "mine.txt").write_text("one")
    assert proof.snapshot(session)["files"] != before["files"]


def test_what_stood_for_another_learner_starts_a_new_one(
    session: Session, exercise: Exercise, tmp_path: Path, the_course: Course
) -> None:
    """Nothing that happened before counts, and the reset knows what to bring back."""
    proof.place(session, exercise)
    (tmp_path / "another").mkdir()
    lab = furnished(session.lab.home, tmp_path / "another", the_course)
    other = Session(lab, Progress(tmp_path / "another.json"), the_course, lab.folder)
    proof.place(other, exercise)
    built, old = other.built("04"), session.built("04")
    assert built is not None
    assert old is not None
    assert (built.checkpoint, built.state, built.names) == (old.checkpoint, old.state, old.names)
    assert built.when >= old.when
    assert other.entry(EXERCISE).looking.rows() == []
    proof.attempt(other, exercise, exercise.rejects[0])
    assert other.check(EXERCISE).outcome is Outcome.NOT_YET
    proof.restored(other, exercise)
