"""False alarm 2: what a script makes is there already."""

from __future__ import annotations

from ecrlab_course.desk.town import Town, allow


def write_the_script(town: Town) -> None:
    repository = town.running[0]
    town.write("jobs/set-up.sh", f"#!/bin/bash\naws ecr create-repository --repository-name {repository}\n")


SEEDS = {"none": write_the_script}


def delete_and_run_again(town: Town) -> None:
    town.ecr.delete_repository(repositoryName=town.running[0], force=True)
    town.run()


def let_the_robot_make_it(town: Town) -> None:
    town.user_policy("ci", "set-up", allow(["ecr:CreateRepository", "ecr:DeleteRepository"], "web/*"))


WRONG = {
    "none": {
        "deleted by force, and run again": (delete_and_run_again, "things"),
        "the robot may delete and make it": (let_the_robot_make_it, "wider"),
    }
}
