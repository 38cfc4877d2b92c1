"""`git push` runs a commit's pipeline.sh in the lab: real git, real hooks, and what happens when one ends early."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jwt
import pytest

from ecrlab.client import LabError
from ecrlab.processes import Process

Git = Callable[..., "subprocess.CompletedProcess[str]"]
HOST = "git.harbour-bikes.example"
SHOWS = """#!/bin/sh
echo "--- who"
env | sort
echo "token=$(cat "$AWS_WEB_IDENTITY_TOKEN_FILE")"
ls -l "$AWS_WEB_IDENTITY_TOKEN_FILE" | cut -c1-10
echo "--- what"
git rev-parse HEAD
ls -A "$HOME"
exit 3
"""


@pytest.fixture
def work(lab: Any, tmp_path: Path) -> tuple[Path, Git]:
    """A folder under git with the lab as its remote, and git as a person with settings of her own runs it."""
    folder = tmp_path / "booking"
    folder.mkdir()
    (tmp_path / ".gitconfig").write_text(f"[core]\n\thooksPath = {tmp_path}/nowhere\n[init]\n\tdefaultBranch = other\n")
    person = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_PROFILE": "admin",
        "AWS_SECRET_ACCESS_KEY": "mine",
    }

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *arguments], cwd=folder, env=person, capture_output=True, text=True, timeout=60, check=False
        )

    for command in (
        ("init", "--quiet", "--initial-branch=main"),
        ("config", "user.name", "Dara"),
        ("config", "user.email", "dara@harbour-bikes.example"),
        ("remote", "add", "lab", lab.control.ci_repository()["path"]),
    ):
        assert git(*command).returncode == 0
    return folder, git


def commit(work: tuple[Path, Git], files: Mapping[str, str]) -> str:
    """Write files, commit them, and return the commit."""
    folder, git = work
    for name, text in files.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755 if text.startswith("#!") else 0o644)
    git("add", "--all")
    done = git("commit", "--quiet", "--message", "one")
    assert done.returncode == 0, done.stderr
    return git("rev-parse", "HEAD").stdout.strip()


def ended(lab: Any, number: int, seconds: float = 60) -> tuple[dict[str, Any], str]:
    """Wait until a run is over, and return it with what it printed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = lab.control.ci_output(number, wait=0)
        if answer["run"]["state"] not in ("waiting", "running"):
            return answer["run"], answer["text"]
        time.sleep(0.05)
    raise AssertionError(f"run {number} did not end: {answer}")


def lines(text: str, begin: str) -> str:
    return next(line.removeprefix(begin) for line in text.splitlines() if line.startswith(begin))


def test_a_push_of_three_refs_makes_three_runs_that_hold_a_token_and_no_key(lab: Any, work: tuple[Path, Git]) -> None:
    _, git = work
    made = commit(work, {"pipeline.sh": SHOWS})
    git("tag", "--annotate", "v1.4", "--message", "release")
    done = git("push", "lab", "main", "v1.4", "main:refs/pull/7/merge")
    assert done.returncode == 0, done.stderr  # a run that fails does not undo the push
    assert done.stderr.count("ended with 3") == 3
    runs = {run["ref"]: run for run in lab.control.ci_runs()}
    for ref, subject in {
        "refs/heads/main": "ref:refs/heads/main",
        "refs/tags/v1.4": "ref:refs/tags/v1.4",
        "refs/pull/7/merge": "pull_request",
    }.items():
        run, text = ended(lab, runs[ref]["number"])
        assert (run["state"], run["code"], run["commit"]) == ("ended", 3, made)
        claims = jwt.decode(lines(text, "token="), options={"verify_signature": False})
        assert claims["sub"] == run["subject"] == f"repo:harbour-bikes/booking:{subject}"
        assert lines(text, "AWS_ROLE_SESSION_NAME=") == f"run-{run['number']}"
        assert f"\n{made}\n" in text
        assert "-rw-------" in text
        assert [step["name"] for step in run["steps"]] == ["who", "what"]
        for word in ("AWS_PROFILE", "ACCESS_KEY", "GIT_DIR", "mine"):
            assert word not in text
        keys = lab.home.aws_credentials.read_text().replace(" ", "").splitlines()
        assert not [key for key in keys if "=" in key and key.partition("=")[2] in text]
    assert not list((lab.home.ci / "runs").glob("*/token"))
    done = git("push", "lab", ":refs/tags/v1.4")
    assert "refs/tags/v1.4 was deleted: nothing runs." in done.stderr
    assert len(lab.control.ci_runs()) == 3


def test_an_environment_takes_the_place_of_the_branch_and_a_run_can_be_repeated(
    lab: Any, work: tuple[Path, Git]
) -> None:
    _, git = work
    commit(work, {"pipeline.sh": "echo one\n", "environment": "production\n"})
    git("push", "lab", "main")
    first, _ = ended(lab, 1)
    commit(work, {"pipeline.sh": "echo two\n"})
    git("push", "lab", "main")
    again = lab.control.ci_begin(again=1)
    run, text = ended(lab, again["number"])
    assert (run["commit"], run["again"], text) == (first["commit"], 1, "one\n")
    assert run["subject"] == "repo:harbour-bikes/booking:environment:production"
    (work[0] / "pipeline.sh").unlink()
    commit(work, {"page": "x"})
    done = git("push", "lab", "main")
    assert "There is no pipeline.sh in commit" in done.stderr
    assert len(lab.control.ci_runs()) == 3
    with pytest.raises(LabError, match=r"There is no run 9\. The newest is 3\."):
        lab.control.ci_output(9)
    assert "3 runs of the git server" in lab.control.reset(ci=True)["removed"]
    assert lab.control.ci_runs() == []


def test_a_run_goes_on_when_the_push_is_interrupted(lab: Any, work: tuple[Path, Git]) -> None:
    folder, _ = work
    commit(work, {"pipeline.sh": "echo begun; sleep 1.5; echo whole\n"})
    push = subprocess.Popen(
        ["git", "push", "lab", "main"], cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert push.stderr is not None
    for line in push.stderr:
        if "begun" in line:
            break
    os.killpg(push.pid, signal.SIGINT)
    push.communicate(timeout=60)
    run, text = ended(lab, 1)
    assert (run["code"], text) == (0, "begun\nwhole\n")


def test_what_a_run_leaves_behind_ends_with_it(lab: Any, work: tuple[Path, Git]) -> None:
    _, git = work
    commit(work, {"pipeline.sh": "sleep 100 &\necho $!\n"})
    begun = time.monotonic()
    git("push", "lab", "main")
    run, text = ended(lab, 1)
    assert (run["code"], time.monotonic() - begun < 60) == (0, True)
    assert Process.of(int(text)) is None


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_lab_that_ends_breaks_its_runs_off_and_begins_none_again(
    make_lab: Any, tmp_path: Path, how: signal.Signals
) -> None:
    lab = make_lab()
    folder = tmp_path / "booking"
    folder.mkdir()
    for command in (
        "git init --quiet --initial-branch=main .",
        "git config user.name D; git config user.email d@e.example",
        "echo 'echo $$; sleep 100' > pipeline.sh; git add .; git commit --quiet -m one",
        f"git push --quiet {lab.control.ci_repository()['path']} main >push.log 2>&1 &",
    ):
        subprocess.run(command, shell=True, cwd=folder, check=True, timeout=30)
    deadline = time.monotonic() + 60
    while (
        not (text := lab.control.ci_output(1)["text"] if lab.control.ci_runs() else "") and time.monotonic() < deadline
    ):
        time.sleep(0.05)
    assert lab.process is not None
    lab.process.send_signal(how)
    lab.process.communicate(timeout=60)
    if how == signal.SIGKILL:
        lab.home.control.unlink(missing_ok=True)
    hook = next(lab.home.ci.rglob("post-receive"))
    now = hook.read_text()
    hook.write_text("#!/bin/sh\nexec python -m ecrlab.of_an_older_version\n")
    lab.start()
    assert hook.read_text() == now
    assert Process.of(int(text)) is None
    assert [(run["number"], run["state"]) for run in lab.control.ci_runs()] == [(1, "broken off")]


def test_a_run_is_its_token_to_aws_and_ecrlab_ci_shows_its_requests(lab: Any, work: tuple[Path, Git]) -> None:
    _, git = work
    iam = lab.client("iam")
    iam.create_open_id_connect_provider(Url=f"https://{HOST}", ClientIDList=["sts.amazonaws.com"])
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{HOST}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{HOST}:sub": "repo:harbour-bikes/booking:ref:refs/heads/main"}},
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_role(RoleName="pipeline", AssumeRolePolicyDocument=trust)
    commit(work, {"pipeline.sh": "#!/bin/sh\naws sts get-caller-identity --query Arn --output text\n"})
    done = git("push", "lab", "main", "main:teal")
    assert done.returncode == 0, done.stderr
    runs = {run["ref"]: ended(lab, run["number"]) for run in lab.control.ci_runs()}
    run, text = runs["refs/heads/main"]
    assert text == f"arn:aws:sts::123456789012:assumed-role/pipeline/run-{run['number']}\n"
    stranger, text = runs["refs/heads/teal"]
    assert stranger["code"] != 0
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in text

    def ecrlab(*words: str) -> str:
        command = [str(Path(sys.prefix) / "bin" / "ecrlab"), "ci", *words, "--home", str(lab.home.path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert [line[:11] for line in ecrlab("list").splitlines()] == ["run 2 ended", "run 1 ended"]
    letter = jwt.decode(ecrlab("token", "main", "--environment", "x").strip(), options={"verify_signature": False})
    assert letter["sub"] == "repo:harbour-bikes/booking:environment:x"
    assert "GetCallerIdentity" in ecrlab("show", str(run["number"]))
    refusal = ecrlab("show", str(stranger["number"]))
    assert "AssumeRoleWithWebIdentity" in refusal
    assert "denied  403" in refusal
    assert "GetCallerIdentity" not in refusal
