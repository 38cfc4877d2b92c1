"""Drill d08: a slide with mistakes. What a learner reads is in d08.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

from botocore.exceptions import ClientError

from ecrlab_course.authoring import Sentence, as_words
from ecrlab_course.authoring.requests import Request, requests
from ecrlab_course.authoring.staging import put_image
from ecrlab_course.authoring.typed import NUMBERS
from ecrlab_course.drills.account import ACCOUNT, DrillLab, policy
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.failure import Refused
from ecrlab_course.toolbox.image import image, push_image

RELEASES, TOOLS = "shop/releases", "shop/tools"
ALL = {1, 2, 3, 4, 5}
SLIDE = {
    "kms": "ECR encrypts every image with KMS.",
    "hours": "A login is good for twelve hours, and no option changes that.",
    "immutable": "An immutable tag cannot be deleted, so releases are safe.",
    "closed": "With no repository policy and no registry policy that says otherwise, a repository is closed to other "
    "accounts.",
    "login": "You log in to a repository, and once more for the next one.",
}
"""The statements of the slide, by what they are about."""
SUBJECTS = {
    "kms": "kms|encrypt",
    "hours": "twelve|12 ?h",
    "immutable": "immutable|delet",
    "closed": "other account|closed",
    "login": "log ?in",
}
"""Words by which somebody names a statement without its number."""
WRONG = ("kms", "immutable", "login")
ORDER = {
    "keys": ("kms", "hours", "immutable", "closed", "login"),
    "release": ("hours", "login", "kms", "immutable", "closed"),
    "login": ("immutable", "kms", "closed", "hours", "login"),
}
"""By seed: in which order the statements stand on the slide, from 1 on."""
TRIED = {
    "keys": ("kms", "I made a repository with our key, and the console says KMS."),
    "release": ("immutable", "I pushed another image to the tag 1.0, and it was refused."),
    "login": ("login", f"I logged in for {RELEASES}, and again for {TOOLS}, and both pushes went through."),
}
"""By seed: the statement that its author has tried and stands by, and how."""
ANOTHER_AT_TAG = "ImageTagAlreadyExists|TAG_INVALID"
"""What the API and a registry answer to another image at an immutable tag."""


def prepare(lab: DrillLab) -> None:
    """Make an immutable repository with a release, and write the slide; one seed has a second repository."""
    lab.repository(RELEASES, imageTagMutability="IMMUTABLE")
    lab.push(RELEASES, "1.0", b"release 1.0")
    if lab.seed == "login":
        lab.repository(TOOLS, encryptionConfiguration={"encryptionType": "KMS"})
        lab.push(TOOLS, "1", b"tools")
    lines = [f"{number}. {SLIDE[subject]}" for number, subject in enumerate(ORDER[lab.seed], 1)]
    subject, how = TRIED[lab.seed]
    tried = f"Tried by me: statement {ORDER[lab.seed].index(subject) + 1}. {how}"
    lab.write("slide.txt", "\n".join(["What you should know about ECR", "", *lines, "", tried, ""]))


class Seen:
    """Which statements the account disproves, which one was to be, and which ones were called wrong."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        number = {subject: place for place, subject in enumerate(ORDER[lab.seed], 1)}
        self.kms, self.immutable, self.login = (number[subject] for subject in WRONG)
        self.subject = TRIED[lab.seed][0]
        self.defended = number[self.subject]
        repositories = lab.repositories()
        self.released = repositories.pop(RELEASES, None)
        repositories.pop(TOOLS, None)
        kinds = {name: item["encryptionConfiguration"]["encryptionType"] for name, item in repositories.items()}
        self.plain = next((name for name, kind in kinds.items() if kind == "AES256"), "")
        self.with_kms = next((name for name, kind in kinds.items() if kind != "AES256"), "")
        self.deleted = self.released is not None and lab.digest(RELEASES, "1.0") is None
        locked = self.released is not None and self.released["imageTagMutability"] == "IMMUTABLE"
        self.reached = as_words(by_one_login(requests(lab)))
        self.moved, self.tried_deleting = puts_at_the_tag(requests(lab))
        self.typed = findings.get("wrong", "").strip()
        self.wrong = called_wrong(self.typed, {number[subject]: words for subject, words in SUBJECTS.items()})
        self.numbers = ", ".join(map(str, sorted(self.wrong)))
        self.listed = Sentence("some") if self.wrong else Sentence("none")
        self.extra = ", ".join(map(str, sorted(self.wrong - {number[subject] for subject in WRONG})))
        shown = {
            "kms": (self.plain, Sentence("plain")),
            "immutable": (self.deleted and locked, Sentence("deleted")),
            "login": (self.reached, Sentence("one-login")),
        }
        found = [subject for subject in (self.subject, *WRONG) if shown[subject][0]]
        self.disproved = found[0] if found else ""
        self.shown = number.get(self.disproved, 0)
        self.shown_seen = shown[self.disproved][1] if found else Sentence("nothing")


def by_one_login(rows: list[Request]) -> list[str]:
    """Return the repositories that one login served, when it served more than one."""
    served: set[str] = set()
    for row in rows:
        if row.operation == "GetAuthorizationToken":
            served = set()
        elif row.service == "registry" and row.ok and row.row["resource"]:
            served.add(str(row.row["resource"]).rpartition(":repository/")[2])
        if len(served) > 1:
            return sorted(served)
    return []


def puts_at_the_tag(rows: list[Request]) -> tuple[bool, bool]:
    """Tell whether another image was put at the release's tag, and refused; and whether a deletion was tried."""
    here = [row for row in rows if str(row.row["resource"]).endswith(f":repository/{RELEASES}")]
    moved = any(row.status >= 400 and re.search(ANOTHER_AT_TAG, str(row.row["error"])) for row in here)
    return moved, any(row.operation == "BatchDeleteImage" for row in here)


def called_wrong(text: str, subjects: Mapping[int, str]) -> set[int]:
    """Return the statements that a text calls wrong: "1, 3 and 5", "five three one", "all but 2 and 4".

    `subjects` has for each number the words that name the statement without it.
    """
    wrong: set[int] = set()
    for clause in re.split(r"[.;\n]|, (?=not )|\bwhile\b|(?<!all )\bbut\b", text.lower()):
        said = statements(clause, subjects)
        if re.search(r"\ball\b|\bevery", clause):
            wrong |= ALL - said
        elif not re.search(r"\b(not|without|right|correct|true|fine)\b", clause) or re.search(
            r"\bnot (right|true|correct)", clause
        ):
            wrong |= said
    return wrong


def statements(clause: str, subjects: Mapping[int, str]) -> set[int]:
    """Return the statements that a clause names: by numbers, ranges and number words, else by what they are about."""
    found: set[int] = set()
    for first, last in re.findall(r"\b(\d) ?(?:-|to) ?(\d)\b", clause):
        found |= set(range(int(first), int(last) + 1))
    for word in re.findall(r"\d+|[a-z]+", clause):
        if re.fullmatch(r"[1-5]+", word) and (len(word) == 1 or sorted(set(word)) == list(word)) and word != "12":
            found |= set(map(int, word))
        elif NUMBERS.get(word, 0) > 0:
            found.add(NUMBERS[word])
    return found or {each for each, words in subjects.items() if re.search(words, clause)}


def judge(seen: Seen) -> str:
    """Return the verdict's name in d08.md: the one that was tried is disproved live, and the three wrong ones named."""
    if seen.released is None:
        return "repository-gone"
    if seen.disproved:
        return listed(seen) if seen.disproved == seen.subject else "other-shown"
    if seen.subject == "immutable" and seen.deleted:
        return "unlocked"
    if seen.subject == "immutable" and seen.moved and not seen.tried_deleting:
        return "not-moved"
    if seen.subject == "kms" and seen.with_kms:
        return "chosen"
    return "not-shown" if seen.typed else "untouched"


def listed(seen: Seen) -> str:
    """Return what the list is worth."""
    if not seen.typed:
        return "nothing-typed"
    if not seen.wrong:
        return "unread"
    if seen.kms not in seen.wrong:
        return "missed-kms"
    if seen.immutable not in seen.wrong:
        return "missed-immutable"
    if seen.login not in seen.wrong:
        return "missed-login"
    return "too-many" if seen.extra else "passed"


def plain(lab: DrillLab) -> None:
    """Make a repository with nothing but a name."""
    lab.repository("proof")


def delete_the_release(lab: DrillLab) -> None:
    """Delete the immutable tag."""
    lab.client("ecr").batch_delete_image(repositoryName=RELEASES, imageIds=[{"imageTag": "1.0"}])


def with_kms(lab: DrillLab) -> None:
    """Make a repository, and choose KMS."""
    lab.repository("proof", encryptionConfiguration={"encryptionType": "KMS"})


def switch_off_and_delete(lab: DrillLab) -> None:
    """Make the repository mutable first."""
    lab.client("ecr").put_image_tag_mutability(repositoryName=RELEASES, imageTagMutability="MUTABLE")
    delete_the_release(lab)


def log_in_once(lab: DrillLab) -> None:
    """Push to two repositories with one token."""
    token = lab.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    port = int(lab.control.registry(ACCOUNT, "us-east-1")["port"])
    for name, tag in ((RELEASES, "2.0"), (TOOLS, "2")):
        push_image(port, f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/{name}", tag, image(b"one login"), token)


def log_in_twice(lab: DrillLab) -> None:
    """Push to two repositories, with a login for each: as the slide says, it shows nothing."""
    lab.push(RELEASES, "2.0", b"two logins")
    lab.push(TOOLS, "2", b"two logins")


def move_the_tag(lab: DrillLab) -> None:
    """Put another image at the immutable tag, by the API, and be refused."""
    with suppress(ClientError):
        put_image(lab, RELEASES, "1.0", {"app": b"another"})


def push_over_the_tag(lab: DrillLab) -> None:
    """Push another image to the immutable tag, and be refused."""
    with suppress(Refused):
        lab.push(RELEASES, "1.0", b"another")


def open_to_others(lab: DrillLab) -> None:
    """Write a repository policy: it shows that statement 4 is right, and disproves nothing."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
    lab.client("ecr").set_repository_policy(repositoryName=RELEASES, policyText=policy(statement))


def said(text: str) -> dict[str, str]:
    """Return the list as it is typed."""
    return {"wrong": text}


TRIES = {
    "passed": {
        "a plain repository": attempt(said("1, 3, 5"), plain),
        "in words": attempt(said("five, three, one"), plain),
        "with those that are right": attempt(said("Wrong: first, third and fifth. 2 and 4 are right"), plain),
        "by exception": attempt(said("all but 2 and 4"), plain),
        "a release deleted": attempt(said("4 3 2"), delete_the_release, seed="release"),
        "not moved, and deleted": attempt(said("2 3 4"), (move_the_tag, delete_the_release), seed="release"),
        "by what they are about": attempt(said("KMS, immutable, the login"), delete_the_release, seed="release"),
        "one login for two repositories": attempt(said("125"), log_in_once, seed="login"),
    },
    "repository-gone": {
        "the repository deleted": attempt(
            said("2 3 4"),
            lambda lab: lab.client("ecr").delete_repository(repositoryName=RELEASES, force=True),
            seed="release",
        )
    },
    "unlocked": {"immutability switched off": attempt(said("2 3 4"), switch_off_and_delete, seed="release")},
    "chosen": {"KMS chosen": attempt(said("1 3 5"), with_kms)},
    "other-shown": {
        "what the keys need, for the release": attempt(said("2 3 4"), plain, seed="release"),
        "what the release needs, for the keys": attempt(said("1 3 5"), delete_the_release),
        "both of them, for the login": attempt(said("1 2 5"), (plain, delete_the_release), seed="login"),
    },
    "not-shown": {
        "said, not shown": attempt(said("1 3 5")),
        "something beside the point": attempt(said("1 3 5"), open_to_others),
        "two logins for two repositories": attempt(said("1 2 5"), log_in_twice, seed="login"),
    },
    "not-moved": {
        "another image at the tag": attempt(said("2 3 4"), move_the_tag, seed="release"),
        "the same by a push": attempt({}, push_over_the_tag, seed="release"),
    },
    "nothing-typed": {"shown, not said": attempt({}, plain)},
    "unread": {"no number": attempt(said("some of them"), plain)},
    "missed-kms": {
        "all but the encryption": attempt(said("3 and 5"), plain),
        "the numbers of the first slide": attempt(said("1 3 5"), log_in_once, seed="login"),
    },
    "missed-immutable": {
        "the first only": attempt(said("1"), plain),
        "the numbers of the third slide": attempt(said("1 2 5"), plain),
    },
    "missed-login": {
        "all but the login": attempt(said("3 4"), delete_the_release, seed="release"),
    },
    "too-many": {
        "one too many": attempt(said("1 2 3 5"), plain),
        "all of them": attempt(said("all"), log_in_once, seed="login"),
        "a range": attempt(said("1-5"), plain),
    },
}
