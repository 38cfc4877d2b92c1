"""False alarm 4: a refusal that is meant to be."""

from __future__ import annotations

from ecrlab_course.desk.town import STAR, Town, allow


def name_the_image(town: Town) -> None:
    town.notes["repository"], town.notes["tag"] = town.running


SEEDS = {"none": name_the_image}


def give_the_permission(town: Town) -> None:
    town.user_policy("developer", "delete", allow("ecr:BatchDeleteImage", town.notes["repository"]))


def give_everything(town: Town) -> None:
    town.user_policy("developer", "more", STAR)


def delete_it_for_her(town: Town) -> None:
    images = [{"imageTag": town.notes["tag"]}]
    town.ecr.batch_delete_image(repositoryName=town.notes["repository"], imageIds=images)


WRONG = {
    "none": {
        "the permission given": (give_the_permission, "wider"),
        "everything given": (give_everything, "wider"),
        "deleted for her": (delete_it_for_her, "things"),
    }
}
