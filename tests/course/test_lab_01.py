"""Lab 01: what its beginning leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecrlab.home import Home
from ecrlab_course.authoring.content import Course
from ecrlab_course.learner.session import Session
from ecrlab_course.progress import Progress

from . import proof
from .conftest import furnished


@pytest.mark.lesson("lab-01")
def test_its_beginning_leaves_omar_s_permissions_as_they_are(running: Home, tmp_path: Path, the_course: Course) -> None:
    """Lesson 06 counts on them; a jump into the lab, or a reset, gives back those that he had at first."""
    lab = furnished(running, tmp_path, the_course)
    session = Session(lab, Progress(tmp_path / "progress.json"), the_course)
    proof.take_rights(lab)
    statement = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    lab.client("iam").put_user_policy(UserName="ops", PolicyName="pull", PolicyDocument=json.dumps(document))
    before = proof.rights(lab.looking())
    assert session.begin("lab-01")
    assert proof.rights(lab.looking()) == before
    session.reset("lab-01-m1")
    assert proof.rights(lab.looking()) == before
    session.put_back("lab-01")
    assert proof.rights(lab.looking())["ops"] != before["ops"]
