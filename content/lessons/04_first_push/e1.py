"""04-e1: build the address of an image in somebody else's registry. What a learner reads is in e1.md."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ecrlab_course.authoring import Lab, Result, Sentence, Try, as_words
from ecrlab_course.authoring.staging import make_repository, password

from .state import PARTNER, PARTNER_DIGEST, partner_image

LABELS = {"account": "account", "service": "service", "region": "Region", "repository": "repository"}
REGIONS = ("us-east-1", "eu-west-1", "eu-central-1", "eu-west-2")
RIGHT = {
    "account": PARTNER,
    "service": "dkr.ecr",
    "region": "eu-west-1",
    "repository": "web/booking",
    "mark": ":",
    "version": "2.3",
}
REPOSITORY = r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
"""A repository's name, without its length (fact E047)."""
DIGEST = r"sha256:[0-9a-f]{64}"
VERSIONS = re.compile(rf":[A-Za-z0-9_][A-Za-z0-9._-]{{0,127}}(?:@{DIGEST})?|@{DIGEST}")


def run(lab: Lab, values: Mapping[str, str]) -> Result:
    """Pull the address with docker, as the administrator of the account that it names; a login for it alone."""
    v = values
    host = f"{v['account']}.{v['service']}.{v['region']}.amazonaws.com"
    tail = f"{v['repository']}{v['mark']}{v['version']}"
    command = f"docker pull {host}/{tail}"
    profile = {lab.account: "admin", PARTNER: "partner"}.get(v["account"])
    named = re.fullmatch(REPOSITORY, v["repository"]) and VERSIONS.fullmatch(v["mark"] + v["version"])
    if profile is None or v["service"] != "dkr.ecr" or v["region"] not in REGIONS or not named:
        return Result(command, 1, "")
    address = lab.control.registry(v["account"], v["region"])["registry"]
    begun = lab.last()
    code, output = lab.sh(
        f"""DOCKER_CONFIG=$(mktemp -d); export DOCKER_CONFIG; trap 'rm -rf "$DOCKER_CONFIG"' EXIT
        printf %s '{password(lab, profile, v["region"])}' |
          docker login --username AWS --password-stdin {address} >/dev/null 2>&1
        docker pull -q {address}/{tail} 2>&1
        docker rmi {address}/{tail} >/dev/null 2>&1 || true""",
        profile,
    )
    # The registry's own words from the X-ray, as not every engine prints them; else docker's last line.
    said = lab.refused_since(begun) or (output.strip().splitlines() or [""])[-1]
    return Result(command, code, output.replace(address, host), {"said": said.replace(address, host)})


class Seen:
    """The parts of the address, and what the registry that it names answered."""

    def __init__(self, lab: Lab, values: Mapping[str, str], result: Result) -> None:
        self.account, self.service, self.region = values["account"], values["service"], values["region"]
        self.repository, self.mark, self.version = values["repository"], values["mark"], values["version"]
        self.own = self.account == lab.account
        self.pulled = bool(result.command) and result.code == 0
        self.said = str(result.data.get("said") or "")
        self.reference = result.command.removeprefix("docker pull ")
        self.not_found = re.search(r"(?i)not found|does not exist", self.said) is not None
        self.answered = Sentence("it-said") if self.said else Sentence("not-asked")
        if self.pulled:
            self.answered = Sentence("it-has-one")
        self.fits = as_words([LABELS[part] for part in LABELS if values[part] == RIGHT[part]])
        self.fitting = Sentence("some-fit") if self.fits else Sentence("none-fits")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e1.md: the address from the left, each part by what it has to be."""
    if seen.service != "dkr.ecr":
        return "api-host"
    if seen.own:
        return "own-registry"
    if seen.account != PARTNER:
        return "digits-in-groups" if re.sub(r"\D", "", seen.account) == PARTNER else "other-account"
    if seen.region not in REGIONS:
        return "unknown-region"
    if seen.region != RIGHT["region"]:
        return "other-region"
    if seen.repository != RIGHT["repository"]:
        return repository_of(seen)
    if not VERSIONS.fullmatch(seen.mark + seen.version):
        return "wrong-mark"
    if not seen.pulled and not seen.not_found:
        return "untouched"
    if not seen.pulled:
        return "no-such-digest" if "sha256:" in seen.version else "no-such-tag"
    return "passed" if is_wanted(seen) else "other-image"


def repository_of(seen: Seen) -> str:
    """Return what is wrong with the repository's name."""
    if seen.repository.startswith("repository/"):
        return "arn-word"
    if re.search(r"amazonaws\.com|[:@]", seen.repository):
        return "whole-address"
    return "other-repository" if re.fullmatch(REPOSITORY, seen.repository) else "not-a-name"


def is_wanted(seen: Seen) -> bool:
    """Tell whether what was pulled is version 2.3: by its tag, by its digest, or by both."""
    return seen.version in (RIGHT["version"], PARTNER_DIGEST, f"{RIGHT['version']}@{PARTNER_DIGEST}")


def copied_home(lab: Lab) -> None:
    """Push an image of the same name into one's own registry."""
    make_repository(lab, RIGHT["repository"])
    lab.push(RIGHT["repository"], RIGHT["version"])


def copied_to_virginia(lab: Lab) -> None:
    """Put the same image into the map company's registry in Virginia."""
    partner_image(lab, "us-east-1")


def another_version(lab: Lab) -> None:
    """Let the map company push a version 2.4."""
    partner_image(lab, tag="2.4", content=b"the harbour, drawn again")


def without_rights(lab: Lab) -> None:
    """Take the map company's permissions, as another lesson does."""
    document = '{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "ecr:Batch*", "Resource": "*"}}'
    lab.client("iam", "partner").put_user_policy(UserName="partner", PolicyName="no-pull", PolicyDocument=document)


def right_but(**parts: str) -> dict[str, str]:
    """Return the right address with some parts changed."""
    return {**RIGHT, **parts}


TRIES = {
    "passed": {
        "by tag": right_but(),
        "by digest": right_but(mark="@", version=PARTNER_DIGEST),
        "by tag and digest": right_but(version=f"2.3@{PARTNER_DIGEST}"),
        "blanks and quotes around the words": right_but(account=f" '{PARTNER}' ", repository='"web/booking"'),
        "while the own registry has one of that name": Try(right_but(), do=copied_home),
    },
    "untouched": [Try(right_but(), do=without_rights)],
    "api-host": {
        "the host that aws shows": right_but(service="api.ecr"),
        "without three letters": right_but(service="ecr"),
    },
    "own-registry": {
        "the picture copied": right_but(account="123456789012", region="us-east-1"),
        "the picture copied, and an image of that name pushed there": Try(
            right_but(account="123456789012", region="us-east-1"), do=copied_home
        ),
        "the picture, and a name that is none": right_but(account="123456789012", repository="Web"),
    },
    "digits-in-groups": [right_but(account="4444-5555-6666")],
    "other-account": {
        "the name in place of the number": right_but(account="map-company"),
        "a digit too few": right_but(account=PARTNER[:-1]),
    },
    "other-region": {
        "Virginia": right_but(region="us-east-1"),
        "Virginia, after the image was copied there": Try(right_but(region="us-east-1"), do=copied_to_virginia),
        "London": right_but(region="eu-west-2"),
    },
    "unknown-region": {
        "in words": right_but(region="Ireland"),
        "a zone": right_but(region="eu-west-1a"),
    },
    "arn-word": [right_but(repository="repository/web/booking")],
    "whole-address": {
        "with the tag": right_but(repository="web/booking:2.3"),
        "with the host": right_but(repository=f"{PARTNER}.dkr.ecr.eu-west-1.amazonaws.com/web/booking"),
    },
    "not-a-name": {
        "a slash at the start": right_but(repository="/web/booking"),
        "a capital letter": right_but(repository="web/Booking"),
    },
    "other-repository": {
        "a dash for the slash": right_but(repository="web-booking"),
        "the last part alone": right_but(repository="booking"),
    },
    "wrong-mark": {
        "a tag behind @": right_but(mark="@"),
        "a digest behind :": right_but(version=PARTNER_DIGEST),
    },
    "no-such-tag": [right_but(version="v2.3"), right_but(version="latest")],
    "no-such-digest": [right_but(mark="@", version="sha256:" + "0" * 64)],
    "other-image": [Try(right_but(version="2.4"), do=another_version)],
}


def reset(lab: Lab) -> None:
    """Leave nothing of that name but the map company's own image in Ireland, and the company its permissions."""
    lab.clear(RIGHT["repository"])
    for region in ("us-east-1", RIGHT["region"]):
        lab.control.reset(repositories=[RIGHT["repository"]], account=PARTNER, region=region)
    lab.control.reset(users=["partner"], account=PARTNER)
    partner_image(lab)
