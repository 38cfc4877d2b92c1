"""Drill d08: a slide with mistakes. Q89, Q85, Q75, Q104."""

# E130 E048: encrypted with S3's keys by default; E133 E052: not changeable; E030: twelve hours, fixed; E031 and
# corr 17: one logs in to a registry; E053: immutable is not undeletable (inferred; shown here); E009: private by
# default; E128: a registry policy; E003: registry and repository.

from __future__ import annotations

import re

from ecrlab_course.authoring.exercises import FollowUp, Point, Verdict, not_yet, passed, untouched
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Attempt, Drill, Finding, Findings

RELEASES = "shop/releases"
WRONG = {"1", "3", "5"}


def prepare(lab: DrillLab) -> None:
    lab.repository(RELEASES, imageTagMutability="IMMUTABLE")
    lab.push(RELEASES, "1.0", b"release 1.0")


def evidence(lab: DrillLab, findings: Findings) -> Verdict:
    typed = findings.get("wrong", "")
    numbers = set(re.findall(r"\d", typed))
    made = {name: item for name, item in lab.repositories().items() if name != RELEASES}
    released = lab.repositories().get(RELEASES)
    plain = [name for name, item in made.items() if item["encryptionConfiguration"]["encryptionType"] == "AES256"]
    deleted = released is not None and lab.digest(RELEASES, "1.0") is None
    if not typed.strip() and not made and not deleted:
        return untouched("No number typed, and nothing shown yet.")
    if released is None:
        return not_yet(
            "The whole repository is gone. That shows nothing about its tags; build the state again.",
            "immutable-is-undeletable",
        )
    if deleted and released["imageTagMutability"] != "IMMUTABLE":
        return not_yet(
            "The image is gone, from a repository that is no longer immutable: that does not disprove the statement.",
            "immutable-is-undeletable",
        )
    if not deleted and not plain:
        if made:
            return not_yet(
                f"`{next(iter(made))}` was created with a choice of keys. The slide is about a repository for which "
                f"nobody chose anything.",
                "kms-by-default",
            )
        return not_yet(
            f"You call {', '.join(sorted(numbers)) or 'none'} wrong, and showed nothing. Which of them can be shown "
            "with one command on a new repository, or on a release?",
            "claims-without-showing",
        )
    missed, extra = sorted(WRONG - numbers), sorted(numbers - WRONG)
    if missed or extra:
        which = {"1": "kms-by-default", "3": "immutable-is-undeletable", "5": "login-per-repository"}
        words = [f"{each} passed as right" for each in missed] + [f"{each} is right" for each in extra]
        shown = which[missed[0]] if missed else "words-not-reasons"
        return not_yet(f"One is disproved live. In your list: {'; '.join(words)}.", shown)
    shown = (
        f"`{plain[0]}` was made with nothing but a name, and says AES256" if plain else "the immutable 1.0 was deleted"
    )
    return passed(f"1, 3 and 5 are wrong, and one is disproved live: {shown}.")


def delete_the_release(lab: DrillLab) -> None:
    lab.client("ecr").batch_delete_image(repositoryName=RELEASES, imageIds=[{"imageTag": "1.0"}])


def with_kms(lab: DrillLab) -> None:
    lab.repository("proof", encryptionConfiguration={"encryptionType": "KMS"})


def switch_off_and_delete(lab: DrillLab) -> None:
    lab.client("ecr").put_image_tag_mutability(repositoryName=RELEASES, imageTagMutability="MUTABLE")
    delete_the_release(lab)


DRILL = Drill(
    id="d08",
    kind="spot the mistake",
    level="M",
    lesson="04",
    situation="A colleague shows you a slide for tomorrow's onboarding:\n\n"
    "1. ECR encrypts every image with KMS.\n"
    "2. A login is good for twelve hours, and no option changes that.\n"
    "3. An immutable tag cannot be deleted, so releases are safe.\n"
    "4. With no repository policy and no registry policy that says otherwise, a repository is closed to other "
    "accounts.\n"
    "5. You log in to a repository, and once more for the next one.",
    question="Which statements are wrong, and how do you say it to the person who wrote them?",
    points=(
        Point(
            "kms",
            "1: the default is AES-256 with keys of Amazon S3. KMS is a choice made at creation.",
            FollowUp(
                "We need KMS for a repository that exists. What now?",
                "It cannot be switched. A new repository with KMS, the images copied, then the deployments moved over.",
            ),
        ),
        Point(
            "immutable",
            "3: immutable means that a push cannot move the tag. Whoever may delete images may delete this one.",
            FollowUp(
                "How do you keep releases, then?",
                "Nobody but one role may `BatchDeleteImage`, a Deny for the rest, and no lifecycle rule selects "
                "releases.",
            ),
        ),
        Point(
            "registry",
            "5: you log in to a registry: one account in one Region, with all its repositories.",
            FollowUp(
                "And a second account, or a second Region?",
                "Another registry, so docker needs another login: it keeps them by address. A token must be for the "
                "registry's own Region.",
            ),
        ),
        Point(
            "right",
            "2 and 4 are right, and you say so: people listen to a correction that leaves something standing.",
            FollowUp(
                "The nightly job fails at its thirteenth hour. Which line of the slide explains it, and what fixes it?",
                "Line 2. A login right before the push, or the credential helper, which fetches tokens when they are "
                "needed.",
            ),
        ),
    ),
    beyond=FollowUp(
        "Your colleague answers: “but we do use KMS, I saw it in the console.” What do you ask?",
        "Which repository, and who made it? A template or a script may choose KMS. The default is a different matter.",
    ),
    model="1, 3 and 5. I would say it by showing: a repository created with nothing but a name says AES256. An "
    "immutable tag stops a push from moving it, not a deletion, as I can show with one image. And a login belongs to "
    "a registry, so one is enough for all its repositories. 2 and 4 are right and should stay.",
    weak="Agrees with all five, or finds the first and stops. Or is right, and shows nothing.",
    task="Type the numbers of the wrong statements, and disprove one of them live. `shop/releases` is an immutable "
    "repository with a release you may sacrifice; you may also create repositories.",
    seconds=120,
    findings=(Finding("wrong", "The wrong statements, by number"),),
    hints=(
        "Two of the three wrong ones can be shown with a single command each.",
        "`aws ecr create-repository --repository-name proof`, and read `encryptionConfiguration` in the answer; or "
        "`aws ecr batch-delete-image --repository-name shop/releases --image-ids imageTag=1.0`.",
    ),
    misconceptions=("kms-by-default", "immutable-is-undeletable", "login-per-repository", "encryption-changeable"),
    sources=(
        "AWS: Amazon ECR API Reference, EncryptionConfiguration, AuthorizationData, PutImageTagMutability",
        "AWS: Amazon ECR User Guide, encryption at rest; private registry authentication",
        "that immutability stops no deletion is read from the API's operations; no page says so in these words",
    ),
    date="2026-11-23",
    prepare=prepare,
    evidence=evidence,
    accepts=(
        Attempt("a plain repository", lambda lab: lab.repository("proof"), {"wrong": "1, 3, 5"}),
        Attempt("a release deleted", delete_the_release, {"wrong": "5 3 1"}),
    ),
    rejects=(
        Attempt(
            "said, not shown", None, {"wrong": "1 3 5"}, misconception="claims-without-showing", says="showed nothing"
        ),
        Attempt("KMS chosen", with_kms, {"wrong": "1 3 5"}, misconception="kms-by-default", says="choice of keys"),
        Attempt(
            "immutability switched off",
            switch_off_and_delete,
            {"wrong": "1 3 5"},
            misconception="immutable-is-undeletable",
            says="no longer immutable",
        ),
        Attempt(
            "the first only",
            lambda lab: lab.repository("proof"),
            {"wrong": "1"},
            misconception="immutable-is-undeletable",
            says="3 passed as right",
        ),
        Attempt(
            "all but the login",
            delete_the_release,
            {"wrong": "1 3"},
            misconception="login-per-repository",
            says="5 passed as right",
        ),
        Attempt(
            "one too many",
            lambda lab: lab.repository("proof"),
            {"wrong": "1 2 3 5"},
            misconception="words-not-reasons",
            says="In your list: 2 is right",
        ),
    ),
)
