"""The git server and its pipeline as a lesson uses them: `lab.ci`."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecrlab.client import LabClient

REPOSITORY = "harbour-bikes/booking"
"""The company's own repository."""


class PushRefused(Exception):  # noqa: N818 (an answer, not a failure)
    """Git refused a push or a commit; the text is its own."""


@dataclass(frozen=True)
class Run:
    """One run of a pipeline: what it was about, how it ended, what it printed.

    `state` is "waiting", "running", "ended" or "broken off"; `code` is None until it has ended. `steps` are the names
    that it printed behind `--- `, each with the seconds after which it began. `variables` is all that it had.
    """

    number: int
    repository: str
    ref: str
    commit: str
    subject: str
    role: str
    state: str
    code: int | None
    seconds: float | None
    steps: tuple[tuple[str, float], ...]
    variables: Mapping[str, str]
    output: str
    rows: tuple[Mapping[str, Any], ...]


class Ci:
    """The company's git server: its repositories, what their pipelines did, and the issuer of identity tokens."""

    def __init__(self, control: LabClient) -> None:
        self._control = control

    def repository(self, name: str = REPOSITORY, role: str | None = None) -> str:
        """Make a repository if it is missing, and return the path for `git remote add lab PATH`.

        `role` is the ARN that its runs find in AWS_ROLE_ARN; left out, it stays as it was.
        """
        return str(self._control.ci_repository(name, role)["path"])

    def token(self, ref: str = "main", **more: Any) -> str:
        """Return an identity token as a run of this branch or ref gets it.

        `more`: environment, repository, subject, audience, age and lifetime in seconds, without, claims.
        """
        return self._control.identity_token(ref, **more)["token"]

    def subject(self, ref: str = "main", **more: Any) -> str:
        """Return the `sub` of such a token."""
        return self._control.identity_token(ref, **more)["subject"]

    def runs(self, repository: str | None = None) -> list[Run]:
        """Return all runs, or those of one repository, the oldest first."""
        found = self._control.ci_runs()
        return [self.run(run["number"]) for run in found if repository in (None, run["repository"])]

    def run(self, number: int) -> Run:
        """Return a run with what it printed and its rows of the X-ray. Raises LabError: there is none."""
        answer = self._control.ci_output(number)
        run = answer["run"]
        return Run(
            number=run["number"],
            repository=run["repository"],
            ref=run["ref"],
            commit=run["commit"],
            subject=run["subject"],
            role=run["role"],
            state=run["state"],
            code=run["code"],
            seconds=run["seconds"],
            steps=tuple((step["name"], step["at"]) for step in run["steps"]),
            variables=run["variables"],
            output=answer["text"],
            rows=tuple(self._control.ci_requests(run)),
        )

    def environment(self, number: int | None = None) -> dict[str, str]:
        """Return the variables of a run, by name; left out, of the newest. Raises LookupError: nothing has run yet."""
        if number is None:
            numbers = [run["number"] for run in self._control.ci_runs()]
            if not numbers:
                raise LookupError("Nothing has run yet: git push lab main")
            number = numbers[-1]
        return dict(sorted(self.run(number).variables.items()))

    def again(self, number: int) -> Run:
        """Run the commit of a run once more, and return the new run when it has ended."""
        return self._ended(self._control.ci_begin(again=number)["number"])

    def _ended(self, number: int) -> Run:
        after = 0
        while True:
            answer = self._control.ci_output(number, after, wait=20)
            after = answer["next"]
            if answer["run"]["state"] not in ("waiting", "running"):
                return self.run(number)

    def push_as(
        self,
        person: str,
        files: Mapping[str, str | None],
        ref: str = "main",
        message: str = "A change",
        repository: str = REPOSITORY,
    ) -> list[Run]:
        """Commit files on top of the branch `main` as somebody, push that to `ref`, and return its runs, ended.

        `files` is text by path, None: the file is taken away; text that begins with `#!` is made executable. Nothing
        of the learner's folder is touched. Raises PushRefused with git's words.
        """
        path = self.repository(repository)
        before = {run["number"] for run in self._control.ci_runs()}
        with tempfile.TemporaryDirectory(prefix="ecrlab-push-") as name:
            folder = Path(name) / "work"
            _git(Path(name), "clone", "--quiet", path, str(folder))
            for file, text in files.items():
                place = folder / file
                if text is None:
                    place.unlink()
                    continue
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text, encoding="utf-8")
                place.chmod(0o755 if text.startswith("#!") else 0o644)
            who = ("-c", f"user.name={person}", "-c", f"user.email={person.lower()}@harbour-bikes.example")
            _git(folder, "add", "--all")
            _git(folder, *who, "commit", "--quiet", "--message", message)
            _git(folder, "push", "--quiet", path, f"HEAD:{ref if ref.startswith('refs/') else f'refs/heads/{ref}'}")
        return [self.run(run["number"]) for run in self._control.ci_runs() if run["number"] not in before]

    def rotate(self) -> str:
        """Give the issuer a new key: tokens signed before can be verified by nobody any more."""
        self._control.issuer(rotate=True)
        return "The git server signs with a new key, and publishes that one alone."

    def off(self) -> str:
        """Let nobody fetch the issuer's keys any more."""
        self._control.issuer(on=False)
        return "The git server's keys cannot be fetched. It goes on signing, and running what is pushed."

    def on(self) -> str:
        """Let the issuer's keys be fetched again."""
        self._control.issuer(on=True)
        return "The git server's keys can be fetched again."


def _git(folder: Path, *arguments: str) -> None:
    """Run git without anybody's settings. Raises PushRefused."""
    environ = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LC_ALL": "C"}
    environ |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        # `git commit` says on its other output that there is nothing to commit.
        said = done.stderr.strip() or done.stdout.strip()
        raise PushRefused(said or f"git {' '.join(arguments)} ended with {done.returncode}")
