"""Incident 2: pushes that are refused after some hours. What a learner reads is in i02.md."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ecrlab_course.desk.town import LOGIN_LINE, Open, Town, run_again

JOB, START, HOUR = "jobs/nightly.sh", "jobs/start.sh", "jobs/hour"
HEAD = "#!/bin/bash\nhour=$(cat jobs/hour)   # the scheduler writes it before each run\n"
LOGS_IN = f"{LOGIN_LINE} >/dev/null\n"
OWN_FOLDER = 'export DOCKER_CONFIG="$PWD/jobs/.docker"\n'


def image(town: Town) -> str:
    """Return the image of a run, as the job writes its name."""
    return f'"$REGISTRY/{town.release[0]}:night-$hour"'


def push_lines(town: Town) -> str:
    """Return the end of the job: it names the image and pushes it."""
    return f"docker tag ecrlab/base:1 {image(town)}\ndocker push -q {image(town)}\n"


def run_at(town: Town, hour: int) -> None:
    """Let the scheduler start the job at that hour."""
    town.write(HOUR, f"{hour}\n", 0o644)
    town.run()


def wait_until(town: Town, hour: int) -> None:
    """Let the time pass until the scheduler would start the job at that hour; it comes a minute late."""
    town.advance(hours=hour - int(town.read(HOUR)), minutes=1)
    town.write(HOUR, f"{hour}\n", 0o644)


def seed_no_login(town: Town) -> None:
    """The machine's start logs in, the job only pushes; it worked at first."""
    town.write(START, f"#!/bin/bash\n# runs once, when the build machine starts\n{LOGS_IN}")
    town.write(JOB, HEAD + push_lines(town))
    town.sh(f"bash {START}", "ci")
    run_at(town, 0)
    wait_until(town, (13, 30)[town.seed])


def seed_seldom(town: Town) -> None:
    """The job logs in once in a day, or in two, and runs every six hours."""
    every = (24, 48)[town.seed]
    often = f"LOGIN_EVERY={every}   # hours\nif (( hour % LOGIN_EVERY == 0 )); then\n  {LOGS_IN}fi\n"
    town.write(JOB, HEAD + often + push_lines(town))
    run_at(town, 0)
    *runs, last = ((6, 12), (6, 12, 18))[town.seed]
    for hour in runs:
        wait_until(town, hour)
        town.run()
    wait_until(town, last)


def seed_other_folder(town: Town) -> None:
    """The job logs in to one folder and pushes with the login of another; that one worked at first."""
    town.write(START, f"#!/bin/bash\n# runs once, when the build machine starts\n{OWN_FOLDER}{LOGS_IN}")
    town.write(JOB, HEAD + LOGS_IN + OWN_FOLDER + push_lines(town))
    town.sh(f"bash {START}", "ci")
    run_at(town, 0)
    wait_until(town, (14, 40)[town.seed])


SEEDS = {"a": seed_no_login, "b": seed_seldom, "c": seed_other_folder}


def closed(town: Town, cause: str) -> Iterator[Open]:
    """This run leaves the robot's image, and so do later ones: two, 13 hours apart, or four, every six hours."""
    hour, step, times = int(town.read(HOUR)), *((6, 4) if cause == "b" else (13, 2))
    if not town.pushed_by("ci", town.release[0], f"night-{hour}"):
        yield Open("no-image", hour=hour, said=town.run().last)
        return
    for _ in range(times):
        hour += step
        wait_until(town, hour)
        ran = town.run()
        if not town.pushed_by("ci", town.release[0], f"night-{hour}"):
            yield Open("later", hour=hour, said=ran.last)
            return


# Fixes ---------------------------------------------------------------------------------------------------------------


def log_in_each_time(town: Town) -> None:
    """The job logs in before it pushes."""
    town.replace(JOB, HEAD, HEAD + LOGS_IN)


def log_in_every_run(town: Town) -> None:
    """The job logs in as often as it runs."""
    town.write(JOB, re.sub(r"LOGIN_EVERY=\d+", "LOGIN_EVERY=6", town.read(JOB)))


def keep_to_one_folder(town: Town) -> None:
    """The job pushes with the login that it has just made."""
    town.without_lines(JOB, "DOCKER_CONFIG")


FIXES = {"a": log_in_each_time, "b": log_in_every_run, "c": keep_to_one_folder}


def put_the_clock_back(town: Town) -> None:
    """Make the token young again."""
    town.lab.control.reset_clock()


def log_in_by_hand(town: Town) -> None:
    """Log the robot in, this once, where the job looks for its login."""
    folder = OWN_FOLDER if "DOCKER_CONFIG" in town.read(JOB) else ""
    town.sh(f"{folder}{LOGIN_LINE}", "ci")


def ignore_the_failure(town: Town) -> None:
    """Let the job end well, whatever docker says."""
    push = f"docker push -q {image(town)}"
    town.replace(JOB, push, f"{push} || true")


WRONG = {
    cause: {
        "the same again": (run_again, "still"),
        "the clock put back": (put_the_clock_back, "clock"),
        "logged in once by hand": (log_in_by_hand, "later"),
        "|| true": (ignore_the_failure, "no-image"),
    }
    for cause in SEEDS
}
