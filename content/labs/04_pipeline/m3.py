"""lab-04-m3: a bad commit has no way. What a learner reads is in m3.md."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from ecrlab_course.authoring import Lab, Sentence, as_words, in_code

from .line import (
    ASK,
    BY_DIGEST,
    CHECKED,
    GATE,
    GATED,
    GOOD,
    HEAD,
    LOGIN,
    PINNED,
    PUSHED_ONCE,
    TEST,
    UPDATED,
    give,
    let_in,
    push,
    rights_of_pipeline,
)
from .look import Look, Run
from .state import pinned
from .town import AUDIENCE_ALONE, NAME, PIPELINE, commit, document, git, repository_arn, settle, trust

KINDS = ("broken", "critical", "high", "bare", "good")
"""What a commit of main may be; those before the last are bad."""
HEADING = "<h1>Harbour Bikes</h1>"
CRITICAL = "Version: 7.88.1-10+deb12u3\n"
HIGH = "Version: 1:9.2p1-2+deb12u2\n"


class Seen(Look):
    """The runs of Dara's commits, what each commit is, and whose images ran."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.by_kind: dict[str, Run] = {}
        for run in self.of_main:
            self.by_kind[self.kind(run.commit)] = run  # the newest of a kind
        self.bad = [kind for kind in KINDS[:-1] if kind in self.by_kind]
        self.wrong = next((kind for kind in self.bad if self.has_run(self.by_kind[kind])), "")
        self.told = self._told()
        self.number, self.code = (self.told.number, self.told.code) if self.told else (0, 0)
        self.what = self.git("log", "-1", "--format=%s", self.told.commit).strip() if self.told else ""
        self.severity = self.wrong
        self.since = self._since(self.told) if self.told else ""
        self.ran = self._names([kind for kind in self.by_kind if self.has_run(self.by_kind[kind])])
        self.stopped = self._names([kind for kind in self.by_kind if not self.has_run(self.by_kind[kind])])
        self.lacking = [kind for kind in KINDS if kind not in self.by_kind]
        self.missing = self._names(self.lacking)
        refused = self.told.refused if self.told else None
        asked = refused["decisions"] if refused else []
        self.reason = in_code(asked[-1]["explanation"]) if asked else ""
        self.words = (self.told.output.strip().splitlines() or [""])[-1][-200:] if self.told else ""
        red = all(not self.by_kind[kind].good for kind in self.bad)
        self.stopped_at = Sentence("ended" if red else "green")

    def kind(self, commit: str) -> str:
        """Return what a commit is, by its files."""
        files = {name: self.file(commit, name) for name in ("www/index.html", "packages", "Dockerfile")}
        if HEADING not in files["www/index.html"]:
            return "broken"
        if CRITICAL in files["packages"]:
            return "critical"
        if HIGH in files["packages"]:
            return "high"
        return "good" if "os-release" in files["Dockerfile"] else "bare"

    def digest(self, run: Run) -> str:
        """Return the digest of the image of a run's commit; "" when ECR has none."""
        return self.images.get(self.tag_of(run.commit), "")

    def has_run(self, run: Run) -> bool:
        """Tell whether the image of a run's commit has ever run."""
        return self.digest(run) in self.ever_ran

    def _since(self, run: Run) -> str:
        """Return since when the image of a run's commit ran, as a clock shows it; "" when it never did."""
        found = self.ever_ran.get(self.digest(run))
        return f"{found:%H:%M:%S}" if found else ""

    @cached_property
    def intruder(self) -> Run | None:
        """A run of a pull request that had a session."""
        return next((run for run in self.runs if "/pull/" in run.ref and run.session), None)

    def _told(self) -> Run | None:
        """Return the run that the verdict is about."""
        if self.intruder:
            return self.intruder
        return self.by_kind.get(self.wrong or "good")

    @staticmethod
    def _names(kinds: list[str]) -> str | Sentence:
        return as_words(kinds) if kinds else Sentence("none")

    @property
    def by_hand(self) -> bool:
        """Whether somebody started a scan."""
        return any(row["operation"] == "StartImageScan" and row["status"] < 400 for row in self.rows)


def judge(seen: Seen) -> str:
    """Return the verdict's name in m3.md: who came in, what ran that must not, and whether the good one arrived."""
    if seen.intruder is not None:
        return "own-gate"
    if not seen.bad:
        return "untouched"
    if seen.wrong:
        return _ran(seen)
    good = seen.by_kind.get("good")
    if good is not None and not good.good:
        return _good_stopped(seen)
    if good is not None and seen.running_digests != {seen.digest(good)}:
        return "not-arrived"
    if seen.lacking:
        return "not-all"
    if seen.digest(seen.by_kind["broken"]):
        return "untested-pushed"
    return "by-hand" if seen.by_hand else "passed"


def _ran(seen: Seen) -> str:
    run = seen.by_kind[seen.wrong]
    if not run.good:
        return "gate-behind"
    if seen.wrong == "broken":
        return "broken-ran"
    if seen.wrong == "bare":
        return "unscanned-ran"
    high = seen.by_kind.get("high")
    if seen.wrong == "critical" and high is not None and not seen.has_run(high):
        return "critical-ran"
    return "finding-ran"


def _good_stopped(seen: Seen) -> str:
    if "ScanNotFoundException" in seen.by_kind["good"].output:
        return "nobody-asked"
    return "refused" if seen.reason else "walled-up"


def again(lab: Lab) -> None:
    """Build the beginning of this milestone again."""
    pinned(lab)


# Tries

LIST = "Package: {}\nStatus: install ok installed\nArchitecture: amd64\nSource: {}\n{}\n"
BAD: dict[str, dict[str, str]] = {
    "broken": {"www__index_html": "<h1>\n"},
    "critical": {"packages": LIST.format("curl", "curl", CRITICAL)},
    "high": {"packages": LIST.format("openssh-server", "openssh", HIGH)},
    "bare": {"Dockerfile": "FROM ecrlab/base:1\nCOPY packages /var/lib/dpkg/status\nCOPY www/ /www/\n"},
    "good": {"www__hours_txt": "until nine\n"},
}
"""What Dara's commits change, for tries that push one alone."""
BEHIND = GOOD.replace(GATED, "") + GATED
TESTED_LATE = HEAD + LOGIN + ASK + PUSHED_ONCE + TEST + GATED + BY_DIGEST + UPDATED + CHECKED
NEVER_MIND = GOOD.replace("gate.sh $name $tag", "gate.sh $name $tag || true")
UNTESTED = GOOD.replace(TEST, "")
HIGH_ALONE = GATE.replace("CRITICAL", "HIGH")
"""The gate that counts one of the two words, twice."""
BY_NAMES = """#!/usr/bin/env python3
import json, subprocess, sys
which = ["--repository-name", sys.argv[1], "--image-id", "imageTag=" + sys.argv[2]]
subprocess.run(["aws", "ecr", "wait", "image-scan-complete", *which], check=True)
told = subprocess.run(["aws", "ecr", "describe-image-scan-findings", *which], check=True, capture_output=True).stdout
counts = json.loads(told)["imageScanFindings"]["findingSeverityCounts"]
sys.exit(counts.get("CRITICAL", 0) + counts.get("HIGH", 0))
"""
OPEN_GATE = """#!/usr/bin/env bash
aws ecr wait image-scan-complete --repository-name "$1" --image-id imageTag="$2"
bad=$(aws ecr describe-image-scan-findings --repository-name "$1" --image-id imageTag="$2" --output text \\
  --query 'imageScanFindings.findings[?severity==`CRITICAL` || severity==`HIGH`].name')
[ -z "$bad" ] || [ "$bad" = None ]
"""
"""The gate that takes an answer that did not come for an empty list."""
BY_HAND = GOOD.replace(GATED, "aws ecr start-image-scan --repository-name $name --image-id imageTag=$tag\n" + GATED)


def scanned(lab: Lab) -> None:
    """Let what is pushed be scanned."""
    lab.client("ecr").put_image_scanning_configuration(
        repositoryName=NAME, imageScanningConfiguration={"scanOnPush": True}
    )


def mine(pipeline: str = GOOD, gate: str = GATE) -> Callable[[Lab], None]:
    """Return a step that puts this pipeline and gate on main; nothing runs: Dara's commits bring them along."""
    return lambda lab: commit(lab, pipeline_sh=pipeline, gate_sh=gate)


def dara(*kinds: str) -> Callable[[Lab], None]:
    """Return a step that pushes these commits as Dara, one after the other, and puts main back."""

    def act(lab: Lab) -> None:
        before = git(lab, "rev-parse", "refs/heads/main")
        for kind in kinds:
            push(lab, "", person="Dara", **BAD[kind])
            git(lab, "update-ref", "refs/heads/main", before)

    return act


def whole_friday(lab: Lab) -> None:
    """Do what the card says: bash dara.sh."""
    code, said = lab.sh("bash dara.sh", timeout=300)
    if code:
        raise RuntimeError(said)
    settle(lab)


def no_scan(lab: Lab) -> None:
    """Let nothing be scanned, as at first."""
    lab.client("ecr").put_image_scanning_configuration(
        repositoryName=NAME, imageScanningConfiguration={"scanOnPush": False}
    )


def letters_for_all(lab: Lab) -> None:
    """Let every letter of the git server come in again, and somebody open a pull request."""
    let_in(lab, trust(lab, AUDIENCE_ALONE))
    push(lab, "", person="Dara", ref="refs/pull/7/merge", gate_sh="#!/usr/bin/env bash\nexit 0\n")


def no_right_to_look(lab: Lab) -> None:
    """Take from the pipeline's role the right to read findings."""
    policy = rights_of_pipeline(lab).replace(', "ecr:DescribeImageScanFindings"', "")
    give(lab, PIPELINE, policy)


def may_scan(lab: Lab) -> None:
    """Let the pipeline start scans."""
    give(lab, PIPELINE, document({"Action": "ecr:StartImageScan", "Resource": repository_arn(lab)}), "scan")


def scaled(lab: Lab) -> None:
    """Let the service run the image of before once more."""
    lab.client("ecs").update_service(cluster="harbour", service="booking", taskDefinition="booking:1")
    settle(lab)


TRIES = {
    "passed": {
        "test, push, gate, deploy": [scanned, mine(), whole_friday],
        "a gate in Python": [scanned, mine(GOOD.replace("bash gate.sh", "./gate.sh"), BY_NAMES), dara(*KINDS)],
    },
    "by-hand": {"each scan started by hand": [may_scan, mine(BY_HAND), dara(*KINDS)]},
    "untested-pushed": {"the test behind the push": [scanned, mine(TESTED_LATE), dara(*KINDS)]},
    "own-gate": {"every letter comes in": [scanned, mine(), letters_for_all]},
    "gate-behind": {"deploy, then gate": [scanned, mine(BEHIND), dara("critical")]},
    "broken-ran": {"no test": [scanned, mine(UNTESTED), dara("broken")]},
    "critical-ran": {"HIGH alone": [scanned, mine(gate=HIGH_ALONE), dara("critical", "high")]},
    "finding-ran": {
        "no gate": [scanned, mine(PINNED), dara("high")],
        "or never mind": [
            scanned,
            mine(GOOD.replace("gate.sh $name $tag", "gate.sh $name $tag || true")),
            dara("critical"),
        ],
    },
    "unscanned-ran": {"an empty list": [scanned, mine(gate=OPEN_GATE), dara("bare")]},
    "nobody-asked": {"scans are off": [no_scan, mine(), dara("broken", "good")]},
    "refused": {"it may not read findings": [scanned, mine(), no_right_to_look, dara("broken", "good")]},
    "walled-up": {"exit 1": [scanned, mine(gate="#!/usr/bin/env bash\nexit 1\n"), dara("broken", "good")]},
    "not-arrived": {"somebody put the old one back": [scanned, mine(), dara("broken", "good"), scaled]},
    "not-all": {"one of five": [scanned, mine(), dara("broken")]},
}
