"""What a repository's hook runs after a push: the lab begins the runs, and their lines are shown to whoever pushed.

Git prints each line behind ``remote:``. Neither an error here nor a run that fails makes the push fail: it has
happened.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ecrlab.client import LabClient, LabError
from ecrlab.home import Home


def sentence(run: dict[str, Any]) -> str:
    """Return how a run stands, in a line."""
    what = f"run {run['number']}"
    if run["state"] == "ended":
        took = f" after {run['seconds']:.1f} s" if run["seconds"] is not None else ""
        return f"{what} ended with {run['code']}{took}"
    return f"{what} is {run['state']}" if run["state"] in ("waiting", "running") else f"{what} was broken off"


def follow(client: LabClient, number: int) -> dict[str, Any]:
    """Print what a run prints until it has ended, and return it. Raises LabError."""
    after = 0
    while True:
        answer = client.ci_output(number, after, wait=20)
        sys.stdout.write(answer["text"])
        sys.stdout.flush()
        after = answer["next"]
        run: dict[str, Any] = answer["run"]
        if run["state"] not in ("waiting", "running") and not answer["text"]:
            return run


def title(run: dict[str, Any]) -> str:
    """Return what a run is about, in a line."""
    return f"run {run['number']}: {run['subject']} at {run['commit'][:12]}"


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m ecrlab.client.push_hook HOME REPOSITORY`` with git's lines at the standard input; return 0."""
    home, repository = arguments if arguments is not None else sys.argv[1:]
    client = LabClient(Home(Path(home)))
    try:
        answer = client.ci_pushed(repository, [line.split(" ", 2) for line in sys.stdin.read().splitlines()])
        for note in answer["notes"]:
            print(note, flush=True)
        for run in answer["runs"]:
            print(title(run), flush=True)
            print(sentence(follow(client, run["number"])), flush=True)
    except LabError as error:
        print(f"Nothing runs. {error}", flush=True)
    except KeyboardInterrupt:
        print("What was pushed is pushed, and its run goes on: ecrlab ci list", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
