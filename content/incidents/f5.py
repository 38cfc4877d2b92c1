"""False alarm 5: an image that has its tag already."""

from __future__ import annotations

from ecrlab_course.desk.town import Town, allow


def write_the_job(town: Town) -> None:
    repository, tag = town.running
    get = f"aws ecr batch-get-image --repository-name {repository} --image-ids imageTag={tag}"
    town.write(
        "jobs/tag-again.sh",
        f"#!/bin/bash\n"
        f'manifest=$({get} --query "images[0].imageManifest" --output text)\n'
        f'aws ecr put-image --repository-name {repository} --image-tag {tag} --image-manifest "$manifest"\n',
    )


SEEDS = {"none": write_the_job}


def delete_the_tag(town: Town) -> None:
    repository, tag = town.running
    town.ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": tag}])


def let_the_robot_delete(town: Town) -> None:
    town.user_policy("ci", "delete", allow("ecr:BatchDeleteImage", "web/*"))


WRONG = {
    "none": {
        "the tag deleted, so that it can be put": (delete_the_tag, "things"),
        "the robot may delete tags first": (let_the_robot_delete, "wider"),
    }
}
