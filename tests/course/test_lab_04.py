"""Lab 04: what its beginning builds, what its end leaves, and what no try reaches."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecrlab.home import Home
from ecrlab_course.authoring.content import Course
from ecrlab_course.documents.verdict import Outcome
from ecrlab_course.learner.session import Session
from ecrlab_course.progress import Progress

from .conftest import furnished

pytestmark = pytest.mark.lesson("lab-04")
MILESTONES = ("m1", "m2", "m3", "m4", "m5")


@pytest.fixture
def session(running: Home, tmp_path: Path, the_course: Course) -> Session:
    lab = furnished(running, tmp_path, the_course)
    return Session(lab, Progress(tmp_path / "progress.json"), the_course, lab.folder)


def test_its_beginning_its_end_and_what_is_left(session: Session) -> None:
    session.begin("lab-04")
    lab = session.lab
    ecs, iam = lab.client("ecs"), lab.client("iam")
    (service,) = ecs.describe_services(cluster="harbour", services=["booking"])["services"]
    assert (service["runningCount"], service["deployments"][0]["rolloutState"]) == (2, "COMPLETED")
    assert [iam.list_access_keys(UserName="ci")["AccessKeyMetadata"][0]["Status"]] == ["Active"]
    for name in MILESTONES[:4]:
        assert session.check(f"lab-04-{name}").outcome is Outcome.UNTOUCHED, name
    session.put_back("lab-04")
    assert ecs.list_clusters()["clusterArns"] == []
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    assert "robot" not in {user["UserName"] for user in iam.list_users()["Users"]}
    assert lab.control.ci()["repositories"] == []


def test_fetch_makes_the_clone_brings_it_up_to_date_and_keeps_what_was_changed(session: Session) -> None:
    session.goto("lab-04", "keyless")
    lab = session.lab
    lab.folder = session.folder(session.course.lesson("lab-04"))
    assert lab.sh("bash fetch.sh")[1].startswith("main: ")
    lab.sh("echo changed >> booking/test.sh")
    session.goto("lab-04", "pinned")
    code, said = lab.sh("bash fetch.sh && git -C booking stash list && cat booking/pipeline.sh")
    assert code == 0, said
    assert "stash@{0}" in said
    assert "GIT_COMMIT" in said


def test_who_has_no_role_any_more_is_asked_for_one(session: Session) -> None:
    session.goto("lab-04", "gated")
    iam = session.lab.client("iam")
    for name in iam.list_role_policies(RoleName="booking-task")["PolicyNames"]:
        iam.delete_role_policy(RoleName="booking-task", PolicyName=name)
    iam.delete_role(RoleName="booking-task")
    verdict = session.check("lab-04-m5")
    assert verdict.outcome is Outcome.NOT_YET
    assert "`booking-task` is not there" in verdict.message
    for name in MILESTONES[:4]:
        assert session.check(f"lab-04-{name}").outcome is not Outcome.UNKNOWN, name
    session.lab.client("ecs").delete_service(cluster="harbour", service="booking", force=True)
    session.lab.clear("harbour/booking")
    for name in MILESTONES:
        assert session.check(f"lab-04-{name}").outcome is not Outcome.UNKNOWN, name
