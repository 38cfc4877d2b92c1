"""Lab 02: what its beginning and its resets reach, and what has no try because it shuts the proof out as well."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecrlab.home import Home
from ecrlab_course.authoring.content import Course
from ecrlab_course.documents.verdict import Outcome
from ecrlab_course.learner.session import Session
from ecrlab_course.progress import Progress

from .conftest import furnished

pytestmark = pytest.mark.lesson("lab-02")
DENIED = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}})


@pytest.fixture
def session(running: Home, tmp_path: Path, the_course: Course) -> Session:
    lab = furnished(running, tmp_path, the_course)
    return Session(lab, Progress(tmp_path / "progress.json"), the_course, lab.folder)


def test_who_shuts_out_themselves_is_told_so_and_the_reset_lets_them_in(session: Session) -> None:
    session.begin("lab-02")
    iam = session.lab.client("iam")
    iam.put_user_policy(UserName="admin", PolicyName="none", PolicyDocument=DENIED)
    for number in (1, 2, 3, 4):
        verdict = session.check(f"lab-02-m{number}")
        assert verdict.outcome is Outcome.NOT_YET, number
        assert verdict.misconception == "deny-all-but", number
    session.reset("lab-02-m1")
    assert iam.list_user_policies(UserName="admin")["PolicyNames"] == []


def test_its_beginning_and_its_end_empty_iam(session: Session) -> None:
    iam = session.lab.client("iam")
    before = {row["RoleName"] for row in iam.list_roles()["Roles"]}
    iam.create_group(GroupName="left")
    iam.create_role(
        RoleName="left",
        AssumeRolePolicyDocument=DENIED.replace("Deny", "Allow").replace(
            '"Action": "iam:*", "Resource": "*"', '"Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"'
        ),
    )
    iam.create_policy(PolicyName="left", PolicyDocument=DENIED)
    session.begin("lab-02")
    assert [row["GroupName"] for row in iam.list_groups()["Groups"]] == ["harbour"]
    session.put_back("lab-02")
    assert iam.list_groups()["Groups"] == []
    assert iam.list_policies(Scope="Local")["Policies"] == []
    assert {row["RoleName"] for row in iam.list_roles()["Roles"]} <= before
