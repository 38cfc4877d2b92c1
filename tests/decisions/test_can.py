"""`ecrlab can` and `ecrlab whoami`, run as a learner runs them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

from ecrlab.host import launch
from ecrlab_course.toolbox.lab import Lab

Ecrlab = Callable[..., "subprocess.CompletedProcess[str]"]


def test_can_says_yes_no_and_what_would_do(ecrlab: Ecrlab) -> None:
    yes = ecrlab("can", "developer", "ecr:PutImage", "my-web-app")
    assert yes.returncode == 0, yes.stderr
    assert yes.stdout.startswith("✓ allowed: user/developer may ecr:PutImage on repository/my-web-app")
    assert "▶ decides (Allow)" in yes.stdout
    no = ecrlab("can", "ops", "PutImage", "my-web-app", "--details")
    assert no.returncode == 1
    assert no.stdout.startswith("✗ not allowed")
    assert '"Action": "ecr:PutImage"' in no.stdout
    assert "aws:username = ops" in no.stdout
    wide = ecrlab("can", "ops", "PutImage", "my-web-app", "--with", '{"Effect":"Allow","Action":"*","Resource":"*"}')
    assert "Warning, wider than needed: It opens" in wide.stdout


def test_can_in_json(ecrlab: Ecrlab) -> None:
    done = ecrlab("can", "ci", "ecr:BatchGetImage", "my-web-app", "--json")
    assert json.loads(done.stdout)["verdict"] == "Allowed"


def test_what_cannot_be_asked_is_2(ecrlab: Ecrlab) -> None:
    for arguments, words in (
        (["opps", "PutImage", "my-web-app"], "There is no principal 'opps'"),
        (["ops", "PutImag", "my-web-app"], "ecr:PutImage"),
        (["ops", "PutImage", "other"], "It has billing, my-web-app"),
        (["ops"], "Who, and what?"),
        (["ops", "PutImage", "my-web-app", "-c", "aws:SourceIp"], "KEY=VALUE"),
        (["ops", "PutImage", "my-web-app", "--with", "{"], "not JSON"),
    ):
        done = ecrlab("can", *arguments)
        assert done.returncode == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_actions_are_listed(ecrlab: Ecrlab) -> None:
    assert "ecr:PutImage" in ecrlab("can", "--actions").stdout.splitlines()


def test_whoami(ecrlab: Ecrlab) -> None:
    done = ecrlab("whoami", "--profile", "partner")
    assert done.returncode == 0, done.stderr
    assert "arn:aws:iam::444455556666:user/partner" in done.stdout
    assert "AdministratorAccess (managed, user partner)" in done.stdout
    own = json.loads(ecrlab("whoami", "--json", AWS_PROFILE="ops").stdout)
    assert (own["profile"], own["account"]) == ("ops", "123456789012")
    unknown = ecrlab("whoami", "--profile", "nobody")
    assert unknown.returncode == 1
    assert "There is: admin, developer, ci, ops, auditor, partner" in unknown.stderr


def test_no_lab_is_said(ecrlab: Ecrlab, lab: Lab) -> None:
    assert launch.status(lab.home).running
    done = ecrlab("can", "ops", "PutImage", ECRLAB_HOME=str(lab.home.path / "other"))
    assert done.returncode == 2
    assert "ecrlab start" in done.stderr
