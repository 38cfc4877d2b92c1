"""Incident 22: an image is promoted by its manifest. What a learner reads is in i22.md."""

from __future__ import annotations

from collections.abc import Iterator

from ecrlab_course.authoring.staging import MANIFEST
from ecrlab_course.desk.town import LOGIN_LINE, PULL, Open, Ran, Town, allow, run_again

JOB, FILE = "jobs/promote.sh", "jobs/manifest.json"
SOURCE, CANDIDATE = "dev/booking", "rc"
CODES = ("LayersNotFoundException", "ImageDigestDoesNotMatchException")
GET = (
    f"aws ecr batch-get-image --repository-name {SOURCE} --image-ids imageTag={CANDIDATE} "
    '--query "images[0].imageManifest" --output text'
)
EXACTLY = f'printf %s "$({GET})" > {FILE}'
"""The manifest's bytes, and not one more."""


def before(town: Town) -> None:
    """Let the robot pull what is to be promoted, and see what is where."""
    town.user_policy("ci", "promote", allow(PULL, "dev/*"), allow("ecr:ListImages", "dev/*", "web/*"))


def promote_job(town: Town, get: str) -> None:
    """Write the job that puts the candidate's manifest under the release's tag."""
    repository, tag = town.release
    found = f"--query \"imageIds[?imageTag=='{tag}'].imageDigest\" --output text"
    lines = [
        "#!/bin/bash",
        f"# promote.sh: give the candidate of {SOURCE} the release's name",
        f"digest={town.notes['digest']}",
        f"there=$(aws ecr list-images --repository-name {repository} {found})",
        '[ "$there" = "$digest" ] && { echo "promoted already"; exit; }',
        get,
        f"aws ecr put-image --repository-name {repository} --image-tag {tag} \\",
        f"  --image-manifest-media-type {MANIFEST} \\",
        f'  --image-manifest file://{FILE} --image-digest "$digest" \\',
        "  --query image.imageId.imageTag --output text",
    ]
    town.write(JOB, "\n".join(lines) + "\n")


# Seeds


def layers_missing(town: Town) -> None:
    """Let Dara build and push the candidate; its layers are nowhere else."""
    town.write("app/Dockerfile", "FROM ecrlab/base:1\nCOPY page /page\n", 0o644)
    town.write("app/page", f"candidate {town.seed}\n", 0o644)
    town.login("developer")
    image = f"$REGISTRY/{SOURCE}:{CANDIDATE}"
    said = town.sh(f"docker build -q -t {image} app && docker push -q {image} && docker rmi -f {image}", "developer")
    digest = town.digest(SOURCE, CANDIDATE)
    if digest is None:
        raise RuntimeError(f"the candidate did not arrive: {said.text}")
    town.notes["digest"] = digest
    promote_job(town, EXACTLY)


def other_layout(town: Town) -> None:
    """Send the manifest through a tool that lays JSON out."""
    candidate_of_known_layers(town)
    promote_job(town, f"{GET} |\n  python3 -m json.tool{('', ' --compact')[town.seed]} > {FILE}")


def a_byte_more(town: Town) -> None:
    """Write the manifest as aws prints it, or as echo does: with a newline behind it."""
    candidate_of_known_layers(town)
    promote_job(town, (f"{GET} > {FILE}", f'echo "$({GET})" > {FILE}')[town.seed])


SEEDS = {"a": layers_missing, "b": other_layout, "c": a_byte_more}


def candidate_of_known_layers(town: Town) -> None:
    """Let Dara push a candidate; the release's repository has had the same image, and lost its name."""
    repository, running = town.running
    body = f"candidate {town.seed}".encode()
    town.notes["digest"] = town.push(SOURCE, CANDIDATE, body, "developer")
    town.push(repository, "trial", body, "admin")
    digest = town.digest(repository, running)
    assert digest is not None
    town.tag_again(repository, digest, "trial")
    town.ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "trial"}])


def symptom(town: Town, ran: Ran) -> bool:
    """Tell whether ECR refuses the manifest."""
    return ran.code != 0 and any(code in ran.text for code in CODES)


def closed(town: Town, cause: str) -> Iterator[Open]:
    """Yield whether the release is not the image that was tried out."""
    repository, tag = town.release
    found = town.digest(repository, tag)
    if found is None:
        yield Open("not-there", tag=tag)
    elif found != town.notes["digest"]:
        yield Open("another-image", tag=tag, source=f"{SOURCE}:{CANDIDATE}")


# Fixes


def with_docker(town: Town) -> None:
    """Let docker carry the image over: it sends what is missing."""
    source = f"$REGISTRY/{SOURCE}@{town.notes['digest']}"
    target = f"$REGISTRY/{':'.join(town.release)}"
    town.write(
        JOB,
        f"#!/bin/bash\nset -e\n{LOGIN_LINE} >/dev/null\n"
        f"docker pull -q {source}\ndocker tag {source} {target}\ndocker push -q {target}\n",
    )


def exactly(town: Town) -> None:
    """Write the manifest's bytes as they are."""
    promote_job(town, EXACTLY)


FIXES = {"a": with_docker, "b": exactly, "c": exactly}


# Wrong fixes


def without_digest(town: Town) -> None:
    """Leave out the digest with which ECR compares."""
    town.replace(JOB, ' --image-digest "$digest"', "")


def build_again(town: Town) -> None:
    """Push an image under the release's tag that was made for it."""
    target = f"$REGISTRY/{':'.join(town.release)}"
    steps = f"{LOGIN_LINE} >/dev/null\ndocker tag ecrlab/base:1 {target}\ndocker push -q {target}\n"
    town.write(JOB, f"#!/bin/bash\nset -e\n{steps}")


def say_it_worked(town: Town) -> None:
    """Let the job end well, whatever ECR says."""
    town.write(JOB, town.read(JOB) + "echo promoted\n")


COMMON = {
    "the same again": (run_again, "still"),
    "built again for the target": (build_again, "another-image"),
    "the job says that it worked": (say_it_worked, "not-there"),
}
WRONG = {
    "a": {**COMMON, "the digest left out": (without_digest, "still")},
    "b": {**COMMON, "the digest left out": (without_digest, "another-image")},
    "c": {**COMMON, "the digest left out": (without_digest, "another-image")},
}
