"""How long a task of ECS takes from RunTask to RUNNING, and a service to replace two tasks.

With the lab's own engine where it can run (root on Linux with dockerd), and without: `python bench/tasks.py --write`.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from results import record

from ecrlab.engine import Engine, private, start_private, stop_private
from ecrlab.environment import apply, environment
from ecrlab.home import Home

GOALS = {"RunTask to RUNNING": 1.0, "replacement of two tasks": 4.0}
FARGATE = {
    "launchType": "FARGATE",
    "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0abc1234"]}},
}


def client(home: Home) -> Any:
    """Return a client of ECS, as the administrator."""
    variables = apply(environment(home, "admin"), os.environ)
    os.environ.clear()
    os.environ.update(variables)
    return boto3.Session(profile_name="admin").client("ecs", region_name="us-east-1")


def register(ecs: Any, colour: str) -> None:
    """Keep a revision whose image comes from the lab's Docker-Hub-like registry."""
    container = {
        "name": "web",
        "image": "busybox",
        "command": ["sleep", "600"],
        "environment": [{"name": "COLOUR", "value": colour}],
    }
    ecs.register_task_definition(
        family="web",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[container],
    )


def run(ecs: Any) -> float:
    """Return the seconds from RunTask until a look sees RUNNING; the task is stopped again."""
    begin = time.perf_counter()
    arn = ecs.run_task(taskDefinition="web", **FARGATE)["tasks"][0]["taskArn"]
    while (state := ecs.describe_tasks(tasks=[arn])["tasks"][0]["lastStatus"]) != "RUNNING":
        assert state != "STOPPED"
        time.sleep(0.01)
    seconds = time.perf_counter() - begin
    ecs.stop_task(task=arn)
    ecs.get_waiter("tasks_stopped").wait(tasks=[arn])
    return seconds


def replace(ecs: Any, colour: str) -> float:
    """Return the seconds from UpdateService until the new deployment stands alone."""
    register(ecs, colour)
    begin = time.perf_counter()
    ecs.update_service(service="web", taskDefinition="web")
    while len(ecs.describe_services(services=["web"])["services"][0]["deployments"]) > 1:
        time.sleep(0.02)
    return time.perf_counter() - begin


def measure(home: Home, rounds: int) -> dict[str, list[float]]:
    """Measure one running lab."""
    ecs = client(home)
    ecs.create_cluster()
    register(ecs, "blue")
    run(ecs)  # the first one loads the image and reads models
    found = {"RunTask to RUNNING": [run(ecs) for _ in range(rounds)]}
    ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=2, **FARGATE)
    ecs.get_waiter("services_stable").wait(services=["web"])
    time.sleep(2.5)
    return {**found, "replacement of two tasks": [replace(ecs, str(number)) for number in range(rounds // 2)]}


def in_a_lab(engine: bool, rounds: int) -> dict[str, list[float]]:
    """Start a lab, measure it, and stop it with all it started."""
    with tempfile.TemporaryDirectory(prefix="ecrlab-bench-") as folder:
        home = Home(Path(folder) / "home").make()
        found = start_private(home) if engine else Engine("none")
        found.save(home)
        command = [sys.executable, "-m", "ecrlab.server", "--home", str(home.path), "--port", "0"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            while not home.control.exists():
                time.sleep(0.02)
            return measure(home, rounds)
        finally:
            server.terminate()
            server.wait(20)
            if engine:
                stop_private(home)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="tasks that are run; half as many replacements")
    parser.add_argument("--write", action="store_true", help="write bench/RESULTS.md")
    options = parser.parse_args()
    before = os.getloadavg()[0]
    kinds = {"without an engine": False}
    if not private.possible() and not private.missing():
        kinds["in the lab's own engine"] = True
    rows = []
    for kind, engine in kinds.items():
        for name, seconds in in_a_lab(engine, options.rounds).items():
            shown = f"{statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f}) s"
            rows.append(f"| {name}, {kind} | {shown} | {GOALS[name]:g} s |")
    text = "\n".join(
        [
            "# Tasks of ECS",
            "",
            "Written by `python bench/tasks.py --write`. Medians (and ranges); an image of one layer from the hub.",
            f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}, load average "
            f"before and after {before:.1f} and {os.getloadavg()[0]:.1f} (others work on this machine).",
            "",
            "| measure | time | goal |",
            "|---|---|---|",
            *rows,
        ]
    )
    print(text)
    if options.write:
        record(text)


if __name__ == "__main__":
    main()
