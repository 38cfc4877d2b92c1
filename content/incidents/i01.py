"""Incident 1: no basic auth credentials."""

from __future__ import annotations

from collections.abc import Iterator

from ecrlab_course.desk.town import LOGIN_LINE, Open, Town, only_says, run_again

JOB = "jobs/release.sh"
CLEAN_UP = ('docker logout "$REGISTRY"   # leave no secrets behind', 'rm -f "$DOCKER_CONFIG/config.json"   # clean up')


def write_job(town: Town, first: str = "", before_push: str = "") -> None:
    """Write the job: it gives the base image the release's name and pushes it."""
    name = f'"$REGISTRY/{":".join(town.release)}"'
    lines = ["#!/bin/bash", first, f"docker tag ecrlab/base:1 {name}", before_push, f"docker push -q {name}"]
    town.write(JOB, "\n".join(line for line in lines if line) + "\n")


def nobody_logged_in(town: Town) -> None:
    write_job(town)


def logged_in_elsewhere(town: Town) -> None:
    write_job(town)
    if town.seed == 0:
        town.login("ci", "eu-west-1")
    else:
        town.login("ci", registry=town.registry().replace("localhost", "127.0.0.1"))


def other_folder(town: Town) -> None:
    town.login("ci")
    folder = '"$PWD/jobs/.docker"' if town.seed == 0 else "$(mktemp -d)"
    write_job(town, f"export DOCKER_CONFIG={folder}")


def logged_out_again(town: Town) -> None:
    write_job(town, f"{LOGIN_LINE} >/dev/null", CLEAN_UP[town.seed])


SEEDS = {"a": nobody_logged_in, "b": logged_in_elsewhere, "c": other_folder, "d": logged_out_again}


def closed(town: Town, cause: str) -> Iterator[Open]:
    if not town.pushed_by("ci", *town.release):
        yield Open("not-by-ci")


def log_in(town: Town) -> None:
    town.login("ci")


def use_own_folder(town: Town) -> None:
    town.without_lines(JOB, "DOCKER_CONFIG")


def clean_up_last(town: Town) -> None:
    line = CLEAN_UP[town.seed]
    town.replace(JOB, line + "\n", "")
    town.write(JOB, town.read(JOB) + line + "\n")


FIXES = {"a": log_in, "b": log_in, "c": use_own_folder, "d": clean_up_last}


def push_as_admin(town: Town) -> None:
    town.login("admin")
    town.sh("bash jobs/release.sh", "admin")


def paste_token(town: Town) -> None:
    token = town.sh("aws ecr get-login-password", "ci").text
    login = f'docker login -u AWS -p {token} "$REGISTRY" >/dev/null'
    town.replace(JOB, "docker push", f"{login}\ndocker push")


def push_to_ireland(town: Town) -> None:
    name = town.release[0]
    town.client("ecr", region="eu-west-1").create_repository(repositoryName=name)
    town.login("ci", "eu-west-1")
    town.replace(JOB, "$REGISTRY", town.registry("eu-west-1"))


def log_in_as_admin(town: Town) -> None:
    login = LOGIN_LINE.replace("aws ecr", "aws --profile admin ecr")
    town.replace(JOB, "docker push", f"{login} >/dev/null\ndocker push")


ALWAYS = {
    "the same again": (run_again, "still"),
    "pushed as admin": (push_as_admin, "still"),
    "the token pasted into the job": (paste_token, "secret"),
    "admin's login in the job": (log_in_as_admin, "not-by-ci"),
    "the job only says so": (only_says(JOB), "not-by-ci"),
}
WRONG = {
    "a": ALWAYS,
    "b": {**ALWAYS, "the job pushes to Ireland": (push_to_ireland, "still")},
    "c": ALWAYS,
    "d": ALWAYS,
}
