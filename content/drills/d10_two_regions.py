"""Drill d10: a design for two more Regions. Q92, Q93, Q66, Q101."""

# E107 E108: a rule copies what is pushed after it, settings do not travel; E109: backfill since October 2026; E110:
# deletes since November 2026; E111: no chain; E112: asynchronous; E004 E032 E168: a registry and a login per Region;
# E057 E059: templates give settings; E138: transfer between Regions costs (second-hand, so no figure here);
# E142: endpoints.

from __future__ import annotations

import time

from ecrlab_course.authoring.exercises import FollowUp, Point, Verdict, not_yet, passed, untouched
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Attempt, Drill, Findings

NAME, TAG, HERE, THERE = "my-web-app", "2.0", "us-east-1", "eu-west-1"
UNDER_WAY = ("PREPARING", "IN_PROGRESS")
LAYERS = ({"www/index.html": b"<h1>Harbour Bikes 2.0</h1>"}, {"app/start": b"start"})


def prepare(lab: DrillLab) -> None:
    lab.repository(NAME, imageTagMutability="IMMUTABLE")
    lab.put(NAME, TAG, *LAYERS)


def evidence(lab: DrillLab, findings: Findings) -> Verdict:
    original = lab.digest(NAME, TAG)
    if original is None:
        return not_yet(
            f"`{NAME}:{TAG}` is gone from {HERE}: the copy should have left it alone. Build the state again.",
            "tag-copies",
        )
    there = lab.repositories(THERE)
    beside = [name for name in lab.repositories() if name != NAME]
    if NAME not in there:
        if _ruled(lab):
            return _waiting(lab)
        if beside or there:
            where = [f"`{name}` in {HERE}" for name in beside] + [f"`{name}` in {THERE}" for name in there]
            return not_yet(
                f"There is {', '.join(where)}. A Region in a name is only a word; the registry of {THERE} is another "
                f"one, and there the deployment asks for `{NAME}`.",
                "ecr-is-global",
            )
        return untouched(f"{THERE} has no `{NAME}` yet.")
    images = lab.images(NAME, THERE)
    copied = lab.digest(NAME, TAG, THERE)
    if not images:
        return not_yet(
            f"The repository is there, but empty: what was pushed in {HERE} before does not arrive on its own.",
            "replication-copies-the-past",
        )
    if copied is None or copied != original:
        return not_yet(
            f"In {THERE} the tag {TAG} gives {copied[:19] + '…' if copied else 'nothing'}, in {HERE} "
            f"{original[:19]}…. The deployment asks for the digest: what was tested must be what runs.",
            "tag-is-version",
        )
    if there[NAME]["imageTagMutability"] != "IMMUTABLE":
        return not_yet(
            f"The digest is the same. In {HERE} its tags are locked, but in {THERE} they may be moved: settings do not "
            "travel with images.",
            "copies-settings",
        )
    return passed(f"{THERE} can deploy without {HERE}: same digest, tags locked there too.")


def _ruled(lab: DrillLab) -> bool:
    """Tell whether a rule of us-east-1 copies to eu-west-1."""
    rules = lab.client("ecr").describe_registry()["replicationConfiguration"]["rules"]
    return any(each["region"] == THERE for rule in rules for each in rule["destinations"])


def _waiting(lab: DrillLab) -> Verdict:
    """Say why a rule alone brought nothing, or that a backfill is under way."""
    if any(each["status"] in UNDER_WAY for each in lab.client("ecr").list_replication_backfills()["backfills"]):
        return untouched(f"A backfill is under way; `{NAME}` is not in {THERE} yet. Look again in a moment.")
    return not_yet(
        f"A rule copies to {THERE}, but `{NAME}` is not there: a rule takes what is pushed after it, and {TAG} was "
        "pushed before.",
        "replication-copies-the-past",
    )


def copy_by_api(lab: DrillLab) -> None:
    lab.repository(NAME, THERE, imageTagMutability="IMMUTABLE")
    lab.put(NAME, TAG, *LAYERS, region=THERE)


def copy_with_docker(lab: DrillLab) -> None:
    here, there = lab.registry_of(HERE), lab.registry_of(THERE)
    code, output = lab.sh(
        f"for r in {HERE}={here} {THERE}={there}; do aws ecr get-login-password --region ${{r%%=*}} | "
        "docker login --username AWS --password-stdin ${r#*=}; done\n"
        f"aws ecr create-repository --region {THERE} --repository-name {NAME} --image-tag-mutability IMMUTABLE\n"
        f"docker pull {here}/{NAME}:{TAG}\ndocker tag {here}/{NAME}:{TAG} {there}/{NAME}:{TAG}\n"
        f"docker push {there}/{NAME}:{TAG}",
        timeout=120,
    )
    if code:
        raise RuntimeError(output)


def rule(lab: DrillLab) -> None:
    destination = {"region": THERE, "registryId": lab.account}
    rules = {"rules": [{"destinations": [destination]}]}
    lab.client("ecr").put_replication_configuration(replicationConfiguration=rules)


def backfill(lab: DrillLab) -> None:
    """Have what was there before the rule copied, and wait for the end, ten seconds at most."""
    ecr = lab.client("ecr")
    ecr.start_replication_backfill(destination={"region": THERE, "registryId": lab.account})
    until = time.monotonic() + 10
    while any(each["status"] in UNDER_WAY for each in ecr.list_replication_backfills()["backfills"]):
        if time.monotonic() > until:
            raise RuntimeError("the backfill does not end")
        time.sleep(0.05)


def template_rule_backfill(lab: DrillLab) -> None:
    lab.client("ecr", region=THERE).create_repository_creation_template(
        prefix="ROOT", appliedFor=["REPLICATION"], imageTagMutability="IMMUTABLE"
    )
    rule(lab)
    backfill(lab)


def rule_backfill(lab: DrillLab) -> None:
    rule(lab)
    backfill(lab)


def rebuild(lab: DrillLab) -> None:
    lab.repository(NAME, THERE, imageTagMutability="IMMUTABLE")
    lab.put(NAME, TAG, LAYERS[0], {"app/start": b"start, built again"}, region=THERE)


def forget_the_lock(lab: DrillLab) -> None:
    lab.repository(NAME, THERE)
    lab.put(NAME, TAG, *LAYERS, region=THERE)


DRILL = Drill(
    id="d10",
    kind="design at the board",
    level="S",
    lesson="07",
    situation="Harbour Bikes opens in Ireland and in Mumbai. Deployments must work there while us-east-1 is "
    "unreachable. So far there is one registry, in us-east-1, and one pipeline.",
    question="Draw it, then defend it: how do images get there, how do you know they have, what does it cost, what "
    "do you leave out?",
    points=(
        Point(
            "rule",
            "Push once, replicate by a rule of the registry. It copies what is pushed from then on; a backfill is a "
            "separate step.",
            FollowUp(
                "The image of last week is needed in Mumbai. How does it get there?",
                "Not by the rule alone: by a backfill (an operation since October 2026), or by copying it, or by "
                "pushing it again.",
            ),
        ),
        Point(
            "wait",
            "The pipeline waits for the replication status before it deploys there: it takes minutes, with no "
            "guarantee.",
            FollowUp(
                "Could Mumbai get its images from Ireland's copy by a second rule?",
                "No. A replicated image is not passed on: both rules belong in us-east-1.",
            ),
        ),
        Point(
            "own",
            "Each Region has its own address, login and settings; policies and settings do not travel, templates "
            "give them.",
            FollowUp(
                "What differs in Ireland if nobody thinks of that?",
                "The repository is made with defaults: mutable tags, no policies, no lifecycle rules.",
            ),
        ),
        Point(
            "digest",
            "Deploy by digest, the same in all three: then where it came from does not matter.",
            FollowUp(
                "Why not build in every Region instead?",
                "Three builds give three digests: time stamps and packages differ, and what was tested is not what "
                "runs.",
            ),
        ),
        Point(
            "price",
            "The price: storage in every Region, and transfer between them once for each image instead of at each "
            "pull.",
            FollowUp(
                "Private subnets, no way to the internet. What else is needed in each Region?",
                "Interface endpoints for `ecr.api` and `ecr.dkr`, and the S3 gateway endpoint, because the layers "
                "come from S3.",
            ),
        ),
    ),
    beyond=FollowUp(
        "A bad image went out. How do you take it back in three Regions?",
        "Move the deployments back to the last good digest first. Then delete it in each Region: a rule passes "
        "deletions on only if it says so, which it can since November 2026.",
    ),
    model="One pipeline pushes to us-east-1, and a replication rule copies to Ireland and Mumbai. Templates there "
    "give the repositories the same locks and rules. The pipeline waits for the status COMPLETE, then deploys in "
    "each Region from its own registry, by digest. It costs storage three times and a transfer per image. I leave "
    "out a second pipeline and failover of pushes: while us-east-1 is down we deploy, we do not release.",
    weak="“ECR is highly available, so nothing.” It is available within a Region. Or: “build in every Region”, which "
    "gives three images with one name.",
    task="Make `my-web-app:2.0` deployable from eu-west-1 alone: same digest, same lock on its tags, no rebuild. With "
    "the registry's own features, as you drew it, or by hand with docker, skopeo, oras or the API (`$REGISTRY` is "
    "us-east-1, `$REGISTRY_EU` eu-west-1).",
    seconds=180,
    hints=(
        "Three things are needed there: a repository with the same setting, the layers, and the manifest byte for "
        "byte. Which of them does a rule bring, and for which images?",
        "By hand: `aws ecr create-repository --region eu-west-1 --image-tag-mutability IMMUTABLE …`, a login for each "
        "of the two registries, then docker pull, tag, push. By a rule: in eu-west-1 "
        "`create-repository-creation-template` for `REPLICATION`, in us-east-1 `put-replication-configuration`, then "
        "the backfill: boto3's `start_replication_backfill`. The `aws` command here is older than that operation.",
    ),
    misconceptions=("ecr-is-global", "replication-copies-the-past", "copies-settings", "always-up", "tag-is-version"),
    sources=(
        "AWS: Amazon ECR User Guide, private image replication; repository creation templates; VPC endpoints",
        "AWS: Amazon ECR API Reference of 16 November 2026: StartReplicationBackfill, deleteReplication",
    ),
    date="2026-11-23",
    prepare=prepare,
    evidence=evidence,
    accepts=(
        Attempt("by the API", copy_by_api),
        Attempt("with docker", copy_with_docker),
        Attempt("a template, a rule and a backfill", template_rule_backfill),
    ),
    rejects=(
        Attempt(
            "a Region in the name",
            lambda lab: lab.repository("eu-west-1/my-web-app"),
            misconception="ecr-is-global",
            says="only a word",
        ),
        Attempt(
            "an empty shelf",
            lambda lab: lab.repository(NAME, THERE),
            misconception="replication-copies-the-past",
            says="does not arrive on its own",
        ),
        Attempt("a rule alone", rule, misconception="replication-copies-the-past", says="was pushed before"),
        Attempt(
            "a rule and a backfill, no template",
            rule_backfill,
            misconception="copies-settings",
            says="they may be moved",
        ),
        Attempt("built again", rebuild, misconception="tag-is-version", says="what was tested"),
        Attempt("without the lock", forget_the_lock, misconception="copies-settings", says="they may be moved"),
    ),
)
