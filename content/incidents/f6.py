"""False alarm 6: a pull of what is there."""

from __future__ import annotations

from ecrlab_course.desk.town import STAR, Town


def pull_once(town: Town) -> None:
    town.login("ops")
    town.run()


SEEDS = {"none": pull_once}


def move_the_tag(town: Town) -> None:
    repository, tag = town.running
    before = {"web/booking": "1.2", "web/prices": "1.9"}[repository]
    digest = town.digest(repository, before)
    assert digest is not None
    town.tag_again(repository, digest, tag)


def lock_the_tags(town: Town) -> None:
    repository, _ = town.running
    town.ecr.put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")


def give_everything(town: Town) -> None:
    town.group_policy("operators", "more", STAR)


WRONG = {
    "none": {
        "the tags locked, so that nothing moves": (lock_the_tags, "things"),
        "the tag put on another image, so that something comes": (move_the_tag, "things"),
        "everything allowed": (give_everything, "wider"),
    }
}
