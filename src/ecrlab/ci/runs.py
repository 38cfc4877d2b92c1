"""Runs: what was pushed, in a clean clone, with an identity token of its own; one at a time in each repository.

A run belongs to the lab and not to the push: whoever interrupts `git push` sees no more of it, and it goes on. When the
lab ends, its runs are broken off, and never begun again by themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ecrlab.ci.errors import CiError
from ecrlab.ci.issuer import Issuer
from ecrlab.ci.repositories import ENVIRONMENT, PIPELINE, Repositories, Update
from ecrlab.ci.subject import full_ref, subject
from ecrlab.ci.surroundings import variables
from ecrlab.clock import Clock
from ecrlab.home import ACCOUNT, Home, write_private
from ecrlab.processes import Process
from ecrlab.store import Store

Run = dict[str, Any]
SECONDS = 120.0
"""How long a run may take."""
PATIENCE = 2.0
LONGEST = 1_000_000
"""Bytes of a run's output that are kept."""
STEP = "--- "
"""How a line of output begins that names a step; what follows belongs to it."""
WAITING, RUNNING, ENDED, BROKEN_OFF = "waiting", "running", "ended", "broken off"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipeline"
"""The role that a run is told of, until a repository names another."""


class Runs:
    """All runs of a lab, by number. What is said of one is kept in the store, what it printed in a file.

    ``newest`` gives the number of the X-ray's newest row: a run's rows lie between two such numbers.
    """

    def __init__(self, home: Home, store: Store, clock: Clock, issuer: Issuer, newest: Callable[[], int]) -> None:
        self._home = home
        self._clock = clock
        self._issuer = issuer
        self._newest = newest
        self.repositories = Repositories(home)
        self._table = store.table("ci.runs")
        self._roles = store.table("ci.roles")
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._changed = asyncio.Event()

    # ----------------------------------------------------------------------------------------------------- reading them

    def all(self) -> list[Run]:
        """Return all runs, the oldest first."""
        return [run for _, run in self._table.items()]

    def get(self, number: object) -> Run:
        """Return a run. Raises CiError: there is none of this number."""
        found = self._table.get(_key(number)) if isinstance(number, int) else None
        if found is None:
            numbers = [run["number"] for run in self.all()]
            there = f"The newest is {numbers[-1]}." if numbers else "There is none yet."
            raise CiError(404, f"There is no run {number!r:.40}. {there}")
        return found

    async def output(self, number: object, after: int, wait: float) -> tuple[Run, bytes]:
        """Return a run and what it printed behind byte ``after``, as soon as there is something or it has ended.

        ``wait`` is how many seconds that may take.
        """
        deadline = asyncio.get_running_loop().time() + wait
        while True:
            run, changed = self.get(number), self._changed
            text = self._printed(run["number"], after)
            left = deadline - asyncio.get_running_loop().time()
            if text or run["state"] not in (WAITING, RUNNING) or left <= 0:
                return run, text
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), left)

    def _printed(self, number: int, after: int) -> bytes:
        try:
            with self._log(number).open("rb") as file:
                file.seek(max(after, 0))
                return file.read()
        except FileNotFoundError:
            return b""

    def _log(self, number: int) -> Path:
        return self._home.ci / "runs" / str(number) / "output"

    # --------------------------------------------------------------------------------------------------- beginning them

    def role(self, repository: str) -> str:
        """Return the role that a repository's runs are told of."""
        kept = self._roles.get(repository)
        return str(kept["arn"]) if kept else ROLE

    def set_role(self, repository: str, arn: str) -> None:
        """Let a repository's runs from now on be told of this role."""
        self.repositories.path(repository)
        self._roles.put(repository, {"arn": arn})

    async def pushed(self, repository: str, updates: list[Update]) -> tuple[list[Run], list[str]]:
        """Begin a run for each ref that a push moved; return them, and in words why there is none for others."""
        runs, notes = [], []
        for update in updates:
            if update.deletes:
                notes.append(f"{update.ref} was deleted: nothing runs.")
                continue
            try:
                runs.append(await self.begin(repository, update.ref, update.new))
            except CiError as error:
                notes.append(error.message)
        return runs, notes

    async def begin(self, repository: str, ref: str, revision: str | None = None, again: int | None = None) -> Run:
        """Begin a run of a ref, or of another commit under its name; it waits for its turn. Return it.

        ``again`` is the run that is repeated. Raises CiError: there is no such commit, or nothing in it to run.
        """
        ref = full_ref(ref)
        held = self.repositories
        commit = await asyncio.to_thread(held.commit_of, repository, revision or ref)
        if commit is None:
            raise CiError(404, f"There is no commit {revision or ref} in {repository}.")
        if await asyncio.to_thread(held.file_of, repository, commit, PIPELINE) is None:
            raise CiError(409, f"There is no {PIPELINE} in commit {commit[:12]} of {ref}: nothing runs.")
        environment = await asyncio.to_thread(held.file_of, repository, commit, ENVIRONMENT)
        named = (environment or "").strip().splitlines()
        number = max((run["number"] for run in self.all()), default=0) + 1
        run: Run = {
            "number": number,
            "repository": repository,
            "ref": ref,
            "commit": commit,
            "subject": subject(ref, named[0].strip() if named else None, repository),
            "role": self.role(repository),
            "again": again,
            "state": WAITING,
            "code": None,
            "made": self._clock.time(),
            "begun": None,
            "seconds": None,
            "steps": [],
            "variables": {},
            "rows": [self._newest(), None],
            "process": None,
        }
        shutil.rmtree(self._log(number).parent, ignore_errors=True)
        self._table.put(_key(number), run)
        task = asyncio.get_running_loop().create_task(self._take_turn(run))
        self._tasks[number] = task
        task.add_done_callback(lambda _: self._tasks.pop(number, None))
        return run

    async def _take_turn(self, run: Run) -> None:
        try:
            async with self._turns.setdefault(run["repository"], asyncio.Lock()):
                await self._carry_out(run)
        except asyncio.CancelledError:
            self._change(run, state=BROKEN_OFF, rows=[run["rows"][0], self._newest()], process=None)
            raise
        except Exception as error:
            # A full disk, a clone that fails: the run says so, and the next one begins.
            self._say(run["number"], f"ECR Lab: {error}\n".encode())
            self._change(run, state=ENDED, code=1, rows=[run["rows"][0], self._newest()], process=None)
        finally:
            folder = self._log(run["number"]).parent
            for name in ("clone", "home", "token"):
                self._forget(folder / name)

    def _forget(self, path: Path) -> None:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    def _change(self, run: Run, **changes: Any) -> None:
        run.update(changes)
        self._table.put(_key(run["number"]), run)
        self._changed.set()
        self._changed = asyncio.Event()

    def _say(self, number: int, text: bytes) -> None:
        log = self._log(number)
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with log.open("ab") as file:
            room = LONGEST - file.tell()
            if room > 0:
                file.write(text[:room])
        self._changed.set()
        self._changed = asyncio.Event()

    # ------------------------------------------------------------------------------------------------- carrying one out

    async def _carry_out(self, run: Run) -> None:
        number, loop = run["number"], asyncio.get_running_loop()
        folder = self._log(number).parent
        began = loop.time()
        self._change(run, state=RUNNING, begun=self._clock.time(), rows=[self._newest(), None])
        (folder / "home" / ".docker").mkdir(mode=0o700, parents=True, exist_ok=True)
        await asyncio.to_thread(self.repositories.clone, run["repository"], run["commit"], folder / "clone")
        write_private(folder / "token", self._issuer.token(run["subject"]) + "\n")
        environ = variables(self._home, folder, number, run["role"], run["commit"], run["ref"])
        script = folder / "clone" / PIPELINE
        command = [str(script)] if os.access(script, os.X_OK) else ["bash", str(script)]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder / "clone",
            env=environ,
            start_new_session=True,
        )
        held = Process.of(process.pid)
        self._change(run, variables=environ, process=None if held is None else [held.pid, held.began])
        listening = asyncio.create_task(self._listen(run, process, began))
        try:
            late = not await _ended(process, SECONDS)
        finally:
            await _end(process)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(listening, PATIENCE)
        if late:
            self._say(number, f"ECR Lab: after {SECONDS:.0f} seconds the run was ended.\n".encode())
        seconds = round(loop.time() - began, 3)
        code = 124 if late else process.returncode
        self._change(run, state=ENDED, code=code, seconds=seconds, rows=[run["rows"][0], self._newest()], process=None)

    async def _listen(self, run: Run, process: asyncio.subprocess.Process, began: float) -> None:
        """Keep what the run prints, and note its steps, until it prints no more."""
        assert process.stdout is not None
        loop, line = asyncio.get_running_loop(), b""
        while chunk := await process.stdout.read(65536):
            self._say(run["number"], chunk)
            *whole, line = (line + chunk).split(b"\n")
            line = line[-1000:]
            named = [each.decode("utf-8", "replace").strip() for each in whole if each.startswith(STEP.encode())]
            if named:
                at = round(loop.time() - began, 3)
                steps = [{"name": name.removeprefix(STEP.strip()).strip()[:200], "at": at} for name in named]
                self._change(run, steps=[*run["steps"], *steps][:100])

    # --------------------------------------------------------------------------------------------------------- the end

    async def close(self) -> None:
        """Break off what runs or waits."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def clean_up(self) -> None:
        """After a start: what the last lab left running was broken off, and its processes are ended.

        Hooks name this Python and this version's module: those of an older version, or of a folder that was moved, are
        brought up to date.
        """
        for name in self.repositories.names():
            with contextlib.suppress(OSError):
                self.repositories.make(name)
        for run in self.all():
            if run["state"] not in (WAITING, RUNNING):
                continue
            held = Process(*run["process"]) if run["process"] else None
            if held is not None and held.alive():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(held.pid, signal.SIGKILL)
            for name in ("clone", "home", "token"):
                self._forget(self._log(run["number"]).parent / name)
            self._change(run, state=BROKEN_OFF, process=None)

    async def reset(self) -> list[str]:
        """Break off what runs, and forget all runs, repositories and roles; return in words what was there."""
        await self.close()
        removed = [f"repository {name} of the git server" for name in self.repositories.remove()]
        runs = self.all()
        removed += [f"{len(runs)} run{'s' if len(runs) > 1 else ''} of the git server"] if runs else []
        for table in (self._table, self._roles):
            for key, _ in table.items():
                table.delete(key)
        shutil.rmtree(self._home.ci / "runs", ignore_errors=True)
        return removed


def _key(number: int) -> str:
    return f"{number:08}"


async def _ended(process: asyncio.subprocess.Process, seconds: float) -> bool:
    """Wait until the run's first process has ended, and tell whether it has; what it left behind may hold its output.

    By looking: asyncio's own wait may last until nobody holds the output.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while process.returncode is None:
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a run's processes, also those that it left behind: all of its session's group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        await _ended(process, PATIENCE)
