"""Drill d47: four repositories, one of them not under our key. Words: d47.md."""

from __future__ import annotations

import re

from ecrlab_course.authoring import Sentence
from ecrlab_course.drills.account import ACCOUNT, DrillLab
from ecrlab_course.drills.drill import Findings, attempt

NAMES = ("pay/api", "pay/cards", "pay/ledger", "pay/web")
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b2c3d-1111-4222-8333-444455556666"
ANOTHER = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b2c3d-7777-4888-8999-aaaabbbbcccc"
ODD = {"plain": "pay/ledger", "managed": "pay/api", "other": "pay/web"}
KINDS = {
    "plain": {"encryptionType": "AES256"},
    "managed": {"encryptionType": "KMS"},
    "other": {"encryptionType": "KMS", "kmsKey": ANOTHER},
}
RIGHT = {"encryptionType": "KMS", "kmsKey": KEY}


def prepare(lab: DrillLab) -> None:
    """Make the four, three of them with an image and under the right key."""
    for name in NAMES:
        odd = name == ODD[lab.seed]
        lab.repository(name, encryptionConfiguration=KINDS[lab.seed] if odd else RIGHT)
        if not odd:
            lab.push(name, "1", name.encode())
    lab.write("key.txt", KEY + "\n")
    # When each was made: one that is made again is another one.
    made = {name: str(each["createdAt"].timestamp()) for name, each in lab.repositories().items()}
    lab.client("iam").tag_user(
        UserName="admin", Tags=[{"Key": "live", "Value": "/".join(made[name] for name in NAMES)}]
    )


class Seen:
    """How the four are encrypted now, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        found = lab.repositories()
        tags = {tag["Key"]: tag["Value"] for tag in lab.client("iam").list_user_tags(UserName="admin")["Tags"]}
        made = dict(zip(NAMES, str(tags["live"]).split("/"), strict=True))
        how = {name: found[name]["encryptionConfiguration"] for name in NAMES if name in found}
        self.list = "; ".join(f"`{name}` {_words(each)}" for name, each in how.items()) or "no repository of pay/"
        self.seen = Sentence("now")
        self.odd = ODD[lab.seed]
        self.gone = self.odd not in how
        self.right = how.get(self.odd) == RIGHT
        self.kind = "it is gone" if self.gone else _words(how[self.odd])
        others = [name for name in NAMES if name != self.odd]
        kept = [name for name in others if name in how and made[name] == str(found[name]["createdAt"].timestamp())]
        self.lost = next((name for name in others if name not in kept or not lab.images(name)), "")
        self.again = self.right or self.gone or bool(self.lost)
        typed = findings.get("name", "").lower()
        said = [name for name in NAMES if re.search(rf"(?<!\w){name.rpartition('/')[2]}(?!\w)", typed)]
        self.any, self.said = bool(typed.strip() or findings.get("under")), said
        self.under, self.seed = findings.get("under", ""), lab.seed
        self.name = self.odd


def _words(how: dict[str, str]) -> str:
    """Return an encryption in words."""
    return " with ".join(f"`{part}`" for part in (how["encryptionType"], how.get("kmsKey", "")) if part)


def judge(seen: Seen) -> str:
    """Return the verdict's name in d47.md: the one is made again, the others are not, name and kind are said."""
    if seen.lost:
        return "lost"
    if seen.gone:
        return "gone"
    if not seen.right:
        return "named-only" if seen.any else "untouched"
    if not seen.said or not seen.under:
        return "no-name"
    if seen.said != [seen.odd]:
        return "other-name"
    return "passed" if seen.under == seen.seed else "other-kind"


def remake(lab: DrillLab, name: str = "", key: str = KEY) -> None:
    """Make a repository again: the one that is wrong, under our key."""
    name = name or ODD[lab.seed]
    lab.client("ecr").delete_repository(repositoryName=name, force=True)
    how = {"encryptionType": "KMS", **({"kmsKey": key} if key else {})}
    lab.repository(name, encryptionConfiguration=how)


def remake_all(lab: DrillLab) -> None:
    """Make all four again."""
    for name in NAMES:
        remake(lab, name)


def said(seed: str, name: str = "") -> dict[str, str]:
    """Return name and kind as they are typed."""
    return {"name": name or ODD[seed], "under": seed}


TRIES = {
    "passed": {
        "S3's keys": attempt(said("plain"), remake, seed="plain"),
        "AWS's key, the ARN typed": attempt(
            said("managed", f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/pay/api"), remake, seed="managed"
        ),
        "another key": attempt(said("other", "pay/web"), remake, seed="other"),
    },
    "named-only": {
        "said only": attempt(said("plain"), seed="plain"),
        "made again without a key": attempt(said("managed"), lambda lab: remake(lab, key=""), seed="managed"),
        "made again under the other": attempt(said("other"), lambda lab: remake(lab, key=ANOTHER), seed="other"),
    },
    "gone": {
        "deleted": attempt(
            said("plain"), lambda lab: lab.client("ecr").delete_repository(repositoryName=ODD["plain"]), seed="plain"
        )
    },
    "lost": {"all four made again": attempt(said("plain"), remake_all, seed="plain")},
    "no-name": {"in silence": attempt({}, remake, seed="managed")},
    "other-name": {
        "the other state's": attempt(said("plain"), remake, seed="other"),
        "all four": attempt({"name": " ".join(NAMES), "under": "plain"}, remake, seed="plain"),
    },
    "other-kind": {"KMS is KMS": attempt({"name": "pay/api", "under": "other"}, remake, seed="managed")},
}
