"""False alarm 1: the layers of a push are there already."""

from __future__ import annotations

from ecrlab_course.desk.town import LOGIN_LINE, STAR, Town

SECOND = ("1.5", "2.2")


def push_a_second_name(town: Town) -> None:
    repository, tag = town.release
    names = [f"$REGISTRY/{repository}:{each}" for each in (tag, SECOND[town.seed])]
    login = f"#!/bin/bash\n{LOGIN_LINE} >/dev/null\n"
    town.write("jobs/second-name.sh", f'{login}docker tag ecrlab/base:1 "{names[1]}"\ndocker push "{names[1]}"\n')
    town.sh(f'{LOGIN_LINE}\ndocker tag ecrlab/base:1 "{names[0]}"\ndocker push -q "{names[0]}"', "ci")
    town.sh("bash jobs/second-name.sh", "ci")


SEEDS = {"none": push_a_second_name}


def empty_and_push_again(town: Town) -> None:
    repository, _ = town.release
    town.ecr.delete_repository(repositoryName=repository, force=True)
    town.ecr.create_repository(repositoryName=repository)
    town.sh("bash jobs/second-name.sh", "ci")


def give_the_robot_everything(town: Town) -> None:
    town.user_policy("ci", "more", STAR)


WRONG = {
    "none": {
        "the repository emptied, to push all of it": (empty_and_push_again, "things"),
        "everything allowed": (give_the_robot_everything, "wider"),
    }
}
