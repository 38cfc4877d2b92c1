"""07-e10: a deployment that outlives a Region. What a learner reads is in e10.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ecrlab_course.authoring import Lab, Result, Sentence, write
from ecrlab_course.authoring.evidence import short, tags, user_of
from ecrlab_course.authoring.staging import PEOPLE, address, make_repository

from .state import BOOKING, IRELAND, VIRGINIA, copied, new_server, push_versions, replicate, rules_of, thousand

GOALS = (write("deploy.sh"),)
PLACES = {VIRGINIA: "Virginia", IRELAND: "Ireland"}
HALVES = (VIRGINIA, IRELAND)
"""Which Region is off in the first run, and in the second."""
ODD = "2.5-odd"
MALFORMED = "invalid reference format"
OTHERS = {"admin", *PEOPLE} - {"ops"}


def prepare(lab: Lab) -> str:
    """Put the release into both Regions, and move its tag in Ireland; return the released digest."""
    rules = rules_of(lab)
    replicate(lab)
    try:
        push_versions(lab, BOOKING, "2.5")
        copied(lab, BOOKING, "2.5")
        push_versions(lab, BOOKING, "2.5", ODD, region=IRELAND)
        ireland = lab.client("ecr", region=IRELAND)
        odd = ireland.batch_get_image(repositoryName=BOOKING, imageIds=[{"imageTag": ODD}])["images"][0]
        kind = odd["imageManifestMediaType"]
        manifest = odd["imageManifest"]
        ireland.put_image(repositoryName=BOOKING, imageManifest=manifest, imageManifestMediaType=kind, imageTag="2.5")
    finally:
        replicate(lab, *rules)
    return tags(lab, BOOKING)["2.5"]


def run(lab: Lab, _script: str) -> Result:
    """Run deploy.sh as Omar on an empty server, once with each Region off; then switch both on."""
    lab.regions_on()
    make_repository(lab, BOOKING)
    address(lab, IRELAND)
    released = prepare(lab)
    named = {region: tags(lab, BOOKING, region) for region in PLACES}
    assert lab.folder is not None
    (lab.folder / "release.txt").write_text(f"{released}\n", encoding="utf-8")
    halves, words = [], []
    for off in HALVES:
        new_server(lab)
        mark = lab.last()
        lab.control.region(off, on=False)
        try:
            code, output = lab.sh(
                """server=$(mktemp -d); trap 'rm -rf "$server"' EXIT; export DOCKER_CONFIG="$server"
                export AWS_MAX_ATTEMPTS=1
                bash deploy.sh 2>&1""",
                "ops",
                timeout=60,
            )
            reopened = off not in lab.control.status()["regions_off"]
        finally:
            lab.regions_on()
        one = half(lab.rows(after=mark), named, off, code)
        halves.append({**one, "reopened": reopened, "malformed": MALFORMED in output})
        words.append(f"--- {PLACES[off]} is off\n{output}")
    new_server(lab)
    said = "".join(words).replace(lab.registry, "$REGISTRY").replace(address(lab, IRELAND), "$REGISTRY_EU")
    said = said.replace(lab.registry.partition("/")[0], "localhost")
    last = halves[-1]["code"]
    return Result("bash deploy.sh", last, said, {"released": released, "halves": halves})


def half(rows: list[Any], named: dict[str, dict[str, str]], off: str, code: int) -> dict[str, Any]:
    """Return what one run fetched, by digest, and what it was refused."""
    place = f"/{BOOKING}/manifests/"
    got, asked, unknown, denied, elsewhere, other = [], False, False, "", "", ""
    for row in rows:
        other = other or (user_of(row) if user_of(row) in OTHERS else "")
        if row["service"] == "registry":
            asked = asked or (row["region"] != off and f"/{BOOKING}/" in row["path"])
            unknown = unknown or (row["status"] == 401 and place in row["path"])
            if place in row["path"] and row["status"] == 200 and row["method"] in ("GET", "HEAD"):
                reference = row["path"].partition(place)[2]
                got.append(named[row["region"]].get(reference, reference))
            if "/manifests/" in row["path"] and place not in row["path"]:
                elsewhere = row["path"].partition("/manifests/")[0].partition(".amazonaws.com/")[2]
        if row["decision"] == "denied" and user_of(row) == "ops":
            denied = str(row["action"])
    # docker knocks without a name; where that is its last word, it had nothing to show.
    at_door = [row for row in rows if row["service"] == "registry"]
    unknown = unknown or (bool(at_door) and at_door[-1]["status"] == 401)
    return {
        **{"off": off, "code": code, "got": got, "asked": asked, "unknown": unknown, "denied": denied},
        **{"elsewhere": elsewhere, "other": other},
        **{"token": any(row["operation"] == "GetAuthorizationToken" for row in rows)},
    }


class Seen:
    """Both runs: what came, from where, and what the script said about it."""

    def __init__(self, _lab: Lab, script: str, result: Result) -> None:
        halves = list(result.data.get("halves", ()))
        digest = str(result.data.get("released", ""))
        self.released = short(digest)
        self.halves = halves
        came = [digest in each["got"] and not self._odd(each, digest) for each in halves]
        self.came = came
        self.bad = next((n for n, each in enumerate(halves) if self._odd(each, digest)), None)
        failed = self.bad if self.bad is not None else next((n for n, there in enumerate(came) if not there), None)
        if failed is None:
            failed = next((n for n, each in enumerate(halves) if each["code"]), None)
        self.failed = halves[failed] if failed is not None else {}
        self.first_failed = failed == 0
        self.gone = PLACES.get(str(self.failed.get("off", "")), "")
        self.code = self.failed.get("code", 0)
        self.action = self.failed.get("denied", "")
        self.elsewhere, self.malformed = self.failed.get("elsewhere", ""), bool(self.failed.get("malformed"))
        self.windows, self.quoted = "\r\n" in script, bool(re.search(r"docker pull[^\n]*'[^'\n]*\$", script))
        self.fetched = any(each["token"] for each in halves)
        self.both = "REGISTRY_EU" in script and "REGISTRY" in script.replace("REGISTRY_EU", "")
        self.reopened = next((PLACES[each["off"]] for each in halves if each.get("reopened")), "")
        self.other = next((each["other"] for each in halves if each.get("other")), "")
        self.typed = bool(digest) and digest.removeprefix("sha256:") in script and "release.txt" not in script
        odd = [one for each in halves for one in each["got"] if one != digest]
        self.wrong = short(odd[0]) if odd else ""
        first, second = ([self._words(each, digest) for each in halves] + ["", ""])[:2]
        self.first, self.second = first, second
        self.last_run = Sentence("last") if halves else Sentence("not-run")

    @staticmethod
    def _odd(each: dict[str, Any], digest: str) -> bool:
        return any(one != digest for one in each["got"])

    def _words(self, each: dict[str, Any], digest: str) -> Sentence:
        if self._odd(each, digest):
            return Sentence("other")
        return Sentence("came") if each["got"] else Sentence("none")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e10.md: the released image, whichever Region is gone."""
    if seen.windows and (seen.failed or not all(seen.came)):
        return "nothing"  # a cause says what Windows' line ends do
    if seen.reopened:
        return "switched-on"
    if seen.other:
        return "as-another"
    if seen.bad is not None:
        return "stopped-safe" if seen.code else "moved-tag"
    if all(seen.came):
        return "ends-badly" if seen.failed else "typed" if seen.typed else "passed"
    return missing(seen)


def missing(seen: Seen) -> str:
    """Return why the released image did not come."""
    if seen.action:
        return "looked-around"
    if seen.elsewhere:
        return "another-place"
    if seen.malformed:
        return "quoted" if seen.quoted else "no-name"
    if seen.failed["unknown"]:
        if not seen.fetched:
            return "no-login-at-all"
        return "virginias-token" if seen.first_failed else "not-logged-in"
    if not seen.code:
        return "unheard"
    if seen.both and not seen.failed["asked"] and not seen.came[1]:
        return "gave-up"
    return unanswered(seen)


def unanswered(seen: Seen) -> str:
    """Return which place was not asked."""
    if seen.failed["asked"]:
        return "nothing"
    if seen.first_failed:
        return "virginia-alone" if seen.came[1] else "nothing"
    return "ireland-alone"


STARTER = (Path(__file__).parent / "files" / "deploy.sh").read_text(encoding="utf-8")
LOGIN = 'aws ecr get-login-password --region {region} | docker login --username AWS --password-stdin "{at}"'


AT = ((VIRGINIA, "$REGISTRY"), (IRELAND, "$REGISTRY_EU"))


def place(region: str, image: str = "@$(cat release.txt)", token: str = "") -> str:
    """Return the commands that fetch the image from one Region, joined so that the first that fails ends them."""
    at = dict(AT)[region]
    return f'{LOGIN.format(region=token or region, at=at)} && docker pull -q "{at}/shop/booking{image}"'


def either(first: str, second: str) -> str:
    """Return a script that tries one place, and then the other."""
    return f"set -o pipefail\n{{ {first}; }} || {{ {second}; }}\n"


BY_DIGEST = either(place(VIRGINIA), place(IRELAND))
COMPARED = (
    either(place(VIRGINIA, ":2.5"), place(IRELAND, ":2.5"))
    + 'for at in "$REGISTRY" "$REGISTRY_EU"; do\n'
    + "  docker image inspect -f '{{index .RepoDigests 0}}' \"$at/shop/booking:2.5\" 2>&1 | "
    + 'grep -q "$(cat release.txt)" && exit 0\ndone\nexit 1\n'
)
WINDOWS = f"{{ {place(VIRGINIA)}; }} ||\n{{ {place(IRELAND)}; }}\n"
TRIES = {
    "passed": {
        "in turn, by digest": BY_DIGEST,
        "Ireland first": either(place(IRELAND), place(VIRGINIA)),
    },
    "moved-tag": {"both, by tag": either(place(VIRGINIA, ":2.5"), place(IRELAND, ":2.5"))},
    "stopped-safe": [COMPARED],
    "virginia-alone": [f"set -o pipefail\n{place(VIRGINIA)}\n"],
    "virginias-token": [either(place(VIRGINIA), place(IRELAND, token=VIRGINIA).replace(" && ", "; "))],
    "not-logged-in": [
        f"{LOGIN.format(region=IRELAND, at='$REGISTRY_EU')}\n"
        + either(place(IRELAND), 'docker pull -q "$REGISTRY/shop/booking@$(cat release.txt)"')
    ],
    "looked-around": [either(place(VIRGINIA), "aws ecr describe-repositories --region eu-west-1 && false")],
    "unheard": [f"{place(VIRGINIA)} || true\n"],
    "ireland-alone": [f"set -o pipefail\n{place(IRELAND)}\n"],
    "gave-up": {
        "both logins first": "set -e\n"
        + "\n".join(LOGIN.format(region=region, at=at) for region, at in AT)
        + '\ndocker pull -q "$REGISTRY/shop/booking@$(cat release.txt)" || exit 1\n',
    },
    "switched-on": [f"ecrlab region us-east-1 on\n{BY_DIGEST}"],
    "as-another": [f"export AWS_PROFILE=admin\n{BY_DIGEST}"],
    "typed": [BY_DIGEST.replace("$(cat release.txt)", thousand.digest(thousand.Image("2.5").manifest))],
    "another-place": [BY_DIGEST.replace("shop/booking", "booking")],
    "no-name": {
        "a colon": BY_DIGEST.replace("@$(cat", ":$(cat"),
        "the file's name": BY_DIGEST.replace("$(cat release.txt)", "release.txt"),
    },
    "no-login-at-all": [either(*(f'docker pull -q "{at}/shop/booking@$(cat release.txt)"' for _, at in AT))],
    "quoted": [
        BY_DIGEST.replace('pull -q "', "pull -q '").replace(
            '/booking@$(cat release.txt)"', "/booking'@$(cat release.txt)"
        )
    ],
    "windows-line-ends": [WINDOWS.replace("\n", "\r\n")],
    "nothing": ["exit 3\n"],
    "ends-badly": [BY_DIGEST + "exit 1\n"],
}


def reset(lab: Lab) -> None:
    """Switch both Regions on, and let docker forget what was deployed."""
    lab.regions_on()
    new_server(lab)
