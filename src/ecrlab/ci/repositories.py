"""The git server's repositories: bare ones in the lab's home, whose hook hands what was pushed to the lab."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ecrlab.ci.errors import CiError
from ecrlab.ci.subject import REPOSITORY
from ecrlab.home import Home

PIPELINE = "pipeline.sh"
"""The file of a commit that runs."""
ENVIRONMENT = "environment"
"""The file of a commit that names the environment it is delivered to, as a job of GitHub's does."""
_NAME = re.compile(r"[a-z0-9][\w.-]*/[a-z0-9][\w.-]*", re.ASCII | re.IGNORECASE)
_NOTHING = re.compile("0+")
GIT_SECONDS = 60.0


def git_environment(folder: Path) -> dict[str, str]:
    """Return the variables of a git that knows nobody's settings; ``folder`` is its home.

    Inside a hook git has set variables that would lead another git astray, and a person's settings may switch hooks
    off or refuse a repository of another owner.
    """
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "GIT_TERMINAL_PROMPT": "0",
    }


@dataclass(frozen=True)
class Update:
    """One ref that a push moved, as git tells its hook."""

    old: str
    new: str
    ref: str

    @property
    def deletes(self) -> bool:
        """Whether the ref is gone."""
        return _NOTHING.fullmatch(self.new) is not None


class Repositories:
    """The bare repositories, each ``owner/name``, below one folder."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._folder = home.ci / "repositories"

    def path(self, name: str) -> Path:
        """Return where a repository is, or would be. Raises CiError: its name is not owner/name."""
        if not _NAME.fullmatch(name) or ".." in name:
            raise CiError(400, f"A repository is owner/name, such as {REPOSITORY}, not {name!r:.80}.")
        return self._folder / f"{name}.git"

    def names(self) -> list[str]:
        """Return the names of all repositories, sorted."""
        return sorted(str(each.relative_to(self._folder))[:-4] for each in self._folder.glob("*/*.git"))

    def make(self, name: str) -> Path:
        """Make a repository if it is missing, bring its hook up to date, and return where it is."""
        path = self.path(name)
        if not (path / "HEAD").exists():
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._git(path.parent, "init", "--quiet", "--bare", "--initial-branch=main", str(path))
            # A person's own core.hooksPath would switch the hook off.
            self._git(path, "config", "core.hooksPath", str(path / "hooks"))
        words = [sys.executable, "-m", "ecrlab.client.push_hook", str(self._home.path), name]
        hook = path / "hooks" / "post-receive"
        hook.parent.mkdir(exist_ok=True)
        # From nothing: git's own variables would lead astray, and the pusher's keys are none of a pipeline's business.
        hook.write_text(f"#!/bin/sh\nexec env -i {shlex.join(words)}\n", encoding="utf-8")
        hook.chmod(0o700)
        return path

    def remove(self) -> list[str]:
        """Delete all repositories; return their names."""
        names = self.names()
        shutil.rmtree(self._folder, ignore_errors=True)
        return names

    def commit_of(self, name: str, revision: str) -> str | None:
        """Return the commit that a ref, tag or id means, an annotated tag peeled; None when there is none."""
        path = self.path(name)
        found = self._ask(path, "rev-parse", "--quiet", "--verify", "--end-of-options", f"{revision}^{{commit}}")
        return found.strip() if found is not None else None

    def file_of(self, name: str, commit: str, file: str) -> str | None:
        """Return a file of a commit, None when it has none of this name."""
        return self._ask(self.path(name), "cat-file", "blob", f"{commit}:{file}")

    def clone(self, name: str, commit: str, folder: Path) -> None:
        """Put a commit into a clean clone at ``folder``. Raises CiError with git's words."""
        self._git(folder.parent, "clone", "--quiet", "--no-checkout", str(self.path(name)), str(folder))
        self._git(folder, "-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach", commit)

    def _ask(self, path: Path, *arguments: str) -> str | None:
        if not (path / "HEAD").exists():
            return None
        try:
            return self._git(path, *arguments)
        except CiError:
            return None

    def _git(self, folder: Path, *arguments: str) -> str:
        return git(folder, git_environment(self._home.ci), *arguments)


def git(folder: Path, environ: Mapping[str, str], *arguments: str) -> str:
    """Run git in ``folder`` and return what it prints. Raises CiError: it is not there, or it refuses."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env=dict(environ), capture_output=True, timeout=GIT_SECONDS, check=False
        )
    except FileNotFoundError:
        raise CiError(409, "The git server needs the command git, which is not installed here.") from None
    except subprocess.TimeoutExpired:
        raise CiError(409, f"git {arguments[0]} took more than {GIT_SECONDS:.0f} seconds.") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise CiError(409, f"git {arguments[0]}: {said or f'ended with {done.returncode}'}")
    return done.stdout.decode("utf-8", "replace")
