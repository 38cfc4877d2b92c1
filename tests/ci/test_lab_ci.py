"""`lab.ci`, as a lesson's cell and a judge hold it."""

from __future__ import annotations

from typing import Any

import pytest

from ecrlab.client import LabError
from ecrlab_course.toolbox.ci import PushRefused
from ecrlab_course.toolbox.lab import Lab


def test_a_push_as_somebody_and_what_came_of_it(lab: Any) -> None:
    ci = Lab(lab.home).ci
    with pytest.raises(LookupError, match="git push lab main"):
        ci.environment()
    script = '#!/bin/sh\necho "--- who"\ngit log -1 --format=%an\necho "--- key"\nprintenv AWS_SECRET_ACCESS_KEY\n'
    (first,) = ci.push_as("Dara", {"pipeline.sh": script, "page/index.html": "1"})
    assert (first.state, first.code, first.ref) == ("ended", 1, "refs/heads/main")
    assert first.output == "--- who\nDara\n--- key\n"
    assert [name for name, _ in first.steps] == ["who", "key"]
    assert first.subject == ci.subject() == "repo:harbour-bikes/booking:ref:refs/heads/main"
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in ci.environment()
    assert not [name for name in ci.environment() if "KEY" in name or "SECRET" in name]
    (second,) = ci.push_as("Omar", {"page/index.html": None, "page/other.html": "2"}, ref="refs/pull/7/merge")
    assert second.output.startswith("--- who\nOmar\n")
    assert second.subject.endswith(":pull_request")
    assert ci.again(1).commit == first.commit
    assert [run.number for run in ci.runs()] == [1, 2, 3]
    with pytest.raises(PushRefused, match="nothing to commit"):
        ci.push_as("Dara", {"page/index.html": "1"})
    with pytest.raises(LabError, match="There is no run 4"):
        ci.run(4)


def test_a_role_of_one_s_own_reaches_the_run(lab: Any) -> None:
    ci = Lab(lab.home).ci
    arn = "arn:aws:iam::123456789012:role/builder"
    ci.repository("harbour-bikes/map", role=arn)
    (run,) = ci.push_as("Dara", {"pipeline.sh": 'echo "$AWS_ROLE_ARN"\n'}, repository="harbour-bikes/map")
    assert run.output == f"{arn}\n"
    assert run.subject == "repo:harbour-bikes/map:ref:refs/heads/main"
    ci.off()
    assert lab.control.ci()["on"] is False
    ci.on()
    before = lab.control.ci()["key"]
    ci.rotate()
    assert (lab.control.ci()["on"], lab.control.ci()["key"] != before) == (True, True)
