"""What a learner has looked at since a ticket was dealt: found in the X-ray's rows, in the cells that ran, in what
`ecrlab` was asked.

A file that is read in an editor, or in a terminal, leaves no trace: what is not found may have been seen all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from ecrlab_course.documents.client_record import Transcript
from ecrlab_course.documents.xray_row import Row

_ROWS: Mapping[str, re.Pattern[str]] = {
    "identity": re.compile(r"sts:GetCallerIdentity"),
    "can": re.compile(r"iam:Simulate(?:Principal|Custom)Policy"),
    "policy": re.compile(
        r"iam:(?:Get|List)(?:User|Group|Role|Attached|Groups|Account|Policy|Policies|Instance)(?!.*AccessKey)\w*"
    ),
    "repository-policy": re.compile(r"ecr:GetRepositoryPolicy"),
    "trail": re.compile(r"cloudtrail:LookupEvents"),
    "keys": re.compile(r"iam:(?:ListAccessKeys|GetAccessKeyLastUsed)"),
    "registry": re.compile(
        r"ecr:(?:DescribeRepositories|DescribeImages|ListImages|BatchGetImage|DescribeRegistry|GetLifecyclePolicy"
        r"|DescribeImageReplicationStatus|DescribePullThroughCacheRules|BatchCheckLayerAvailability)"
    ),
}
_SCRIPTS: Mapping[str, re.Pattern[str]] = {
    "job": re.compile(
        r"\b(?:cat|less|more|head|tail|sed|grep|awk|bat|nl|tac|view|diff|wc)\b[^|\n]*\b(?:jobs|app|deploy|vault)\b"
    ),
    "login": re.compile(r"config\.json|DOCKER_CONFIG|docker info"),
    "left-half": re.compile(r"get-login-password(?![^\n]*\|\s*docker)"),
    "xray": re.compile(r"\becrlab trace\b"),
    "can": re.compile(r"\becrlab can\b"),
    "clock": re.compile(r"\becrlab clock\b|(?:^|[\s;&(])date\b"),
    "hub": re.compile(r"ratelimit", re.IGNORECASE),
}


WITHOUT_CELLS = ("job", "login", "left-half", "hub")
"""What leaves no trace where the learner works in a terminal alone."""


def looked(rows: Iterable[Row], scripts: Sequence[str], noted: Iterable[str] = ()) -> list[str]:
    """Return the names of what was looked at (`incident.LOOKS`), in order."""
    found = set(noted)
    regions = set()
    for row in rows:
        asked = f"{row['service']}:{row['operation'] or ''}"
        found.update(name for name, pattern in _ROWS.items() if pattern.match(asked))
        if _ROWS["registry"].match(asked) and row["region"]:
            regions.add(row["region"])
    if len(regions) > 1:
        found.add("regions")
    for script in scripts:
        found.update(name for name, pattern in _SCRIPTS.items() if pattern.search(script))
    return sorted(found)


def scripts_of(runs: Iterable[Transcript]) -> list[str]:
    """Return the texts of cells that ran."""
    return [run.script for run in runs]


def touched(rows: Iterable[Row]) -> list[str]:
    """Return the operations that changed something, each once, in order: PutGroupPolicy, SetRepositoryPolicy."""
    found: list[str] = []
    for row in rows:
        name = row["operation"] or ""
        if row["service"] in ("ecr", "iam") and row["status"] < 400 and _CHANGES.match(name) and name not in found:
            found.append(name)
    return found


_CHANGES = re.compile(
    r"(?:Put|Set|Create|Delete|Update|Attach|Detach|Add|Remove|Tag|Untag|Start|Upload|Complete|BatchDelete)\w+"
)
