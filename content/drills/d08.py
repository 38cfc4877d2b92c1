"""Drill d08: a slide with mistakes. What a learner reads is in d08.md."""

from __future__ import annotations

import re
from contextlib import suppress

from botocore.exceptions import ClientError

from ecrlab_course.authoring import Sentence, as_words
from ecrlab_course.authoring.requests import Request, requests
from ecrlab_course.authoring.staging import put_image
from ecrlab_course.authoring.typed import NUMBERS
from ecrlab_course.drills.account import ACCOUNT, DrillLab, policy
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.failure import Refused
from ecrlab_course.toolbox.lab import image, push_image

RELEASES = "shop/releases"
ALL, WRONG = {1, 2, 3, 4, 5}, {1, 3, 5}
SUBJECTS = {1: "kms|encrypt", 2: "twelve|12 ?h", 3: "immutable|delet", 4: "other account|closed", 5: "log ?in"}
"""Words by which somebody names a statement without its number."""
ANOTHER_AT_TAG = "ImageTagAlreadyExists|TAG_INVALID"
"""What the API and a registry answer to another image at an immutable tag."""


def prepare(lab: DrillLab) -> None:
    """Make an immutable repository with a release."""
    lab.repository(RELEASES, imageTagMutability="IMMUTABLE")
    lab.push(RELEASES, "1.0", b"release 1.0")


class Seen:
    """Which statement the account disproves, and which ones were called wrong."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        repositories = lab.repositories()
        self.released = repositories.pop(RELEASES, None)
        kinds = {name: item["encryptionConfiguration"]["encryptionType"] for name, item in repositories.items()}
        self.plain = next((name for name, kind in kinds.items() if kind == "AES256"), "")
        self.with_kms = next((name for name, kind in kinds.items() if kind != "AES256"), "")
        self.deleted = self.released is not None and lab.digest(RELEASES, "1.0") is None
        self.locked = self.released is not None and self.released["imageTagMutability"] == "IMMUTABLE"
        self.reached = as_words(by_one_login(requests(lab)))
        self.moved, self.tried_deleting = puts_at_the_tag(requests(lab))
        self.typed = findings.get("wrong", "").strip()
        self.wrong = called_wrong(self.typed)
        self.numbers = ", ".join(map(str, sorted(self.wrong)))
        self.listed = Sentence("some") if self.wrong else Sentence("none")
        self.extra = ", ".join(map(str, sorted(self.wrong - WRONG)))
        self.shown_seen = Sentence("nothing")
        if self.plain:
            self.shown_seen = Sentence("plain")
        elif self.deleted and self.locked:
            self.shown_seen = Sentence("deleted")
        elif self.reached:
            self.shown_seen = Sentence("one-login")


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


def called_wrong(text: str) -> set[int]:
    """Return the statements that a text calls wrong: "1, 3 and 5", "five three one", "all but 2 and 4"."""
    wrong: set[int] = set()
    for clause in re.split(r"[.;\n]|, (?=not )|\bwhile\b|(?<!all )\bbut\b", text.lower()):
        said = statements(clause)
        if re.search(r"\ball\b|\bevery", clause):
            wrong |= ALL - said
        elif not re.search(r"\b(not|without|right|correct|true|fine)\b", clause) or re.search(
            r"\bnot (right|true|correct)", clause
        ):
            wrong |= said
    return wrong


def statements(clause: str) -> set[int]:
    """Return the statements that a clause names: by numbers, ranges and number words, else by what they are about."""
    found: set[int] = set()
    for first, last in re.findall(r"\b(\d) ?(?:-|to) ?(\d)\b", clause):
        found |= set(range(int(first), int(last) + 1))
    for word in re.findall(r"\d+|[a-z]+", clause):
        if re.fullmatch(r"[1-5]+", word) and (len(word) == 1 or sorted(set(word)) == list(word)) and word != "12":
            found |= set(map(int, word))
        elif NUMBERS.get(word, 0) > 0:
            found.add(NUMBERS[word])
    return found or {each for each, words in SUBJECTS.items() if re.search(words, clause)}


def judge(seen: Seen) -> str:
    """Return the verdict's name in d08.md: one statement disproved live, and the three wrong ones named."""
    if seen.released is None:
        return "repository-gone"
    if seen.shown_seen != "nothing":
        return listed(seen)
    if seen.deleted:
        return "unlocked"
    if seen.with_kms:
        return "chosen"
    if seen.moved and not seen.tried_deleting:
        return "not-moved"
    return "not-shown" if seen.typed else "untouched"


def listed(seen: Seen) -> str:
    """Return what the list is worth."""
    if not seen.typed:
        return "nothing-typed"
    if not seen.wrong:
        return "unread"
    if 1 not in seen.wrong:
        return "missed-kms"
    if 3 not in seen.wrong:
        return "missed-immutable"
    if 5 not in seen.wrong:
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
    """Push to two repositories with one token; the second one uses KMS, so it shows nothing else."""
    with_kms(lab)
    token = lab.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    port = int(lab.control.registry(ACCOUNT, "us-east-1")["port"])
    for name, tag in ((RELEASES, "2.0"), ("proof", "1")):
        push_image(port, f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/{name}", tag, image(b"one login"), token)


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
        "a release deleted": attempt(said("5 3 1"), delete_the_release),
        "not moved, and deleted": attempt(said("1 3 5"), (move_the_tag, delete_the_release)),
        "in words": attempt(said("five, three, one"), plain),
        "with those that are right": attempt(said("Wrong: first, third and fifth. 2 and 4 are right"), plain),
        "by exception": attempt(said("all but 2 and 4"), plain),
        "by what they are about": attempt(said("KMS, immutable, the login"), delete_the_release),
        "one login for two repositories": attempt(said("135"), log_in_once),
    },
    "repository-gone": {
        "the repository deleted": attempt(
            said("1 3 5"), lambda lab: lab.client("ecr").delete_repository(repositoryName=RELEASES, force=True)
        )
    },
    "unlocked": {"immutability switched off": attempt(said("1 3 5"), switch_off_and_delete)},
    "chosen": {"KMS chosen": attempt(said("1 3 5"), with_kms)},
    "not-shown": {
        "said, not shown": attempt(said("1 3 5")),
        "something beside the point": attempt(said("1 3 5"), open_to_others),
    },
    "not-moved": {
        "another image at the tag": attempt(said("1 3 5"), move_the_tag),
        "the same by a push": attempt({}, push_over_the_tag),
    },
    "nothing-typed": {"shown, not said": attempt({}, plain)},
    "unread": {"no number": attempt(said("some of them"), plain)},
    "missed-kms": {"all but the encryption": attempt(said("3 and 5"), plain)},
    "missed-immutable": {"the first only": attempt(said("1"), plain)},
    "missed-login": {"all but the login": attempt(said("1 3"), delete_the_release)},
    "too-many": {
        "one too many": attempt(said("1 2 3 5"), plain),
        "all of them": attempt(said("all"), plain),
        "a range": attempt(said("1-5"), plain),
    },
}
