"""Drill d02: a push from memory. Q72, Q73, Q81."""

# E056: the repository first; E032: the token of that Region; E004 E022: the host in the name; E027: the login;
# err 1 5 75; E061 is not asked.

from __future__ import annotations

import contextlib

from ecrlab.policy.sets import DOCKER_PUSH, LOGIN
from ecrlab_course.authoring.exercises import FollowUp, Point, Verdict, not_yet, passed, untouched
from ecrlab_course.drills.account import DrillLab, allow, arn
from ecrlab_course.drills.drill import Attempt, Drill, Findings
from ecrlab_course.failure import Refused

NAME, TAG, THERE, HERE = "shop/orders", "1", "eu-west-1", "us-east-1"
DOCKERFILE = """# The orders service of Harbour Bikes.
FROM ecrlab/base:1
COPY index.html /www/index.html
CMD ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]
"""


def prepare(lab: DrillLab) -> None:
    everywhere = [arn("shop/*", region) for region in (HERE, THERE)]
    lab.person(
        "ci",
        allow(LOGIN),
        allow(
            [
                "ecr:CreateRepository",
                "ecr:DescribeRepositories",
                "ecr:DescribeImages",
                "ecr:BatchGetImage",
                *DOCKER_PUSH,
            ],
            everywhere,
        ),
    )
    lab.write("orders/Dockerfile", DOCKERFILE)
    lab.write("orders/index.html", "<h1>Orders</h1>\n")


def _refused_for_missing(lab: DrillLab) -> bool:
    rows = lab.rows()
    return any(row["status"] == 404 and row["service"] == "registry" and "shop/orders" in row["path"] for row in rows)


def evidence(lab: DrillLab, findings: Findings) -> Verdict:
    found = lab.digest(NAME, TAG, THERE)
    if found is None:
        if lab.images(NAME, HERE):
            return not_yet(
                f"`{NAME}` lies in {HERE}. The task names {THERE}: that is another registry, with its own address and "
                f"its own login.",
                "ecr-is-global",
            )
        near = sorted({*lab.repositories(THERE), *lab.repositories(HERE)})
        if near == [NAME] and NAME in lab.repositories(THERE):
            tags = [tag for tags in lab.images(NAME, THERE).values() for tag in tags]
            return not_yet(
                f"The repository is there, in {THERE}; its tags are: {', '.join(tags) or 'none'}. The task names the "
                f"tag {TAG}.",
                "left-out",
            )
        if near:
            return not_yet(f"There is {', '.join(near)}; the task names `{NAME}` in {THERE}.", "left-out")
        if _refused_for_missing(lab):
            return not_yet(
                f"A push was refused, because no repository `{NAME}` exists there. Read what the registry said after "
                "`name unknown`.",
                "ecr-creates-repository",
            )
        return untouched(f"Nothing of `{NAME}` in {THERE} yet.")
    stray = [f"{name} in {HERE}" for name in lab.repositories(HERE)]
    stray += [f"{name} in {THERE}" for name in lab.repositories(THERE) if name != NAME]
    if stray:
        return not_yet(f"The image is where it belongs. Also left behind: {', '.join(stray)}.", "ecr-is-global")
    puts = [
        row for row in lab.rows() if row["region"] == THERE and row["status"] < 300 and row["action"] == "ecr:PutImage"
    ]
    if puts and not str(puts[-1]["principal"]).endswith("user/ci"):
        return not_yet(
            "The image is there, but the last push was by `admin`. The task gave you the build robot's profile: a "
            "push that works as administrator shows nothing about the robot.",
            "login-is-permission",
        )
    return passed(f"`{NAME}:{TAG}` lies in {THERE}, pushed as ci: `{found[:19]}…`.")


def push_there(lab: DrillLab) -> None:
    lab.client("ecr", "ci", THERE).create_repository(repositoryName=NAME)
    lab.push(NAME, TAG, b"orders", "ci", THERE)


def push_there_with_docker(lab: DrillLab) -> None:
    address = lab.registry_of(THERE)
    code, output = lab.sh(
        f"aws ecr create-repository --region {THERE} --repository-name {NAME}\naws ecr get-login-password --region "
        f"{THERE} | docker login --username AWS --password-stdin {address}\ndocker build -t orders:1 orders\ndocker "
        f"tag orders:1 {address}/{NAME}:{TAG}\ndocker push {address}/{NAME}:{TAG}",
        "ci",
        timeout=120,
    )
    if code:
        raise RuntimeError(output)


def push_without_repository(lab: DrillLab) -> None:
    with contextlib.suppress(Refused):
        lab.push(NAME, TAG, b"orders", "ci", THERE)


def push_here(lab: DrillLab) -> None:
    lab.client("ecr", "ci", HERE).create_repository(repositoryName=NAME)
    lab.push(NAME, TAG, b"orders", "ci", HERE)


def push_as_admin(lab: DrillLab) -> None:
    lab.repository(NAME, THERE)
    lab.push(NAME, TAG, b"orders", "admin", THERE)


def push_as_admin_then_as_ci(lab: DrillLab) -> None:
    push_as_admin(lab)
    lab.push(NAME, TAG, b"orders", "ci", THERE)


def push_as_ci_then_as_admin(lab: DrillLab) -> None:
    push_there(lab)
    lab.push(NAME, TAG, b"orders", "admin", THERE)


DRILL = Drill(
    id="d02",
    kind="from memory, in an empty shell",
    level="J",
    lesson="04",
    situation="The interviewer turns the keyboard towards you: “Here is a shell, and a folder `orders` with a "
    "Dockerfile. "
    "The registry is empty, and you have the build robot's profile, `ci`.”",
    question="“I want it in ECR in eu-west-1, as `shop/orders:1`. Say each step before you type it, and what it is "
    "for.”",
    points=(
        Point(
            "repository",
            "The repository first, in that Region: a push does not create it, unless a template says so.",
            FollowUp(
                "And if the company wants no such step in its pipelines?",
                "A repository creation template with create-on-push for the prefix, since December 2025. Without a "
                "matching template the push still ends with `name unknown`.",
            ),
        ),
        Point(
            "login",
            "A login for the registry of eu-west-1, with a token fetched from eu-west-1, user name `AWS`.",
            FollowUp(
                "You left out `--region` and a default is set to us-east-1. What happens?",
                "The token is for us-east-1, but it must be for the registry's own Region. With no Region set at "
                "all, `aws` says `You must specify a region` before anything is sent.",
            ),
        ),
        Point(
            "name",
            "The image's name says where it goes: account, Region, repository, tag.",
            FollowUp(
                "What does `docker tag` send to the registry?",
                "Nothing. It adds a local name; the host part of that name decides where a later push goes.",
            ),
        ),
        Point(
            "verify",
            "At the end compare digests: what the push printed, and what ECR lists.",
            FollowUp(
                "The script ended with exit code 0. Why is that not enough?",
                "An SDK may hand a refused push back as a line of text, and a pipe may hide a failure. The digest in "
                "ECR is the proof.",
            ),
        ),
    ),
    beyond=FollowUp(
        "The same pipeline must push to us-east-1 as well, tomorrow. Which of your steps do you repeat?",
        "Repository, login and name, all for the other Region; the build is not repeated, so the digest stays the "
        "same.",
    ),
    model="First the repository in eu-west-1, because ECR does not create it for me. Then a token for that Region, "
    "given to docker as user AWS for that registry's address. I build, give the image the full name with account, "
    "Region and tag, and push. Then I compare the digest that the push printed with the one in ECR.",
    weak="“Log in, push, done.” Two steps are missing: the repository, and the name that says where the push goes.",
    task="Do it, as the profile `ci`. Any client will do; a container engine is not needed. The registries answer at "
    "`$REGISTRY` (us-east-1) and `$REGISTRY_EU` (eu-west-1). What ends up in them is judged, not the order of your "
    "steps.",
    seconds=180,
    hints=(
        "Which of the two registries does the address in the image's name belong to, and which one issued the token?",
        "`aws ecr create-repository`, `aws ecr get-login-password | docker login --username AWS --password-stdin "
        "ADDRESS`, `docker build`, `docker tag`, `docker push`: each of the `aws` commands with `--region "
        "eu-west-1`.",
    ),
    misconceptions=("ecr-creates-repository", "ecr-is-global", "login-chooses-target"),
    sources=(
        "AWS: Amazon ECR User Guide, private registry authentication; repository creation templates",
        "AWS: Amazon ECR API Reference, CreateRepository",
    ),
    date="2026-11-23",
    prepare=prepare,
    evidence=evidence,
    accepts=(
        Attempt("through the API and HTTP", push_there),
        Attempt("with aws and docker", push_there_with_docker),
        Attempt("as admin, then as ci", push_as_admin_then_as_ci),
    ),
    rejects=(
        Attempt(
            "no repository",
            push_without_repository,
            misconception="ecr-creates-repository",
            says="no repository `shop/orders` exists",
        ),
        Attempt("the other Region", push_here, misconception="ecr-is-global", says="another registry"),
        Attempt(
            "as administrator", push_as_admin, misconception="login-is-permission", says="last push was by `admin`"
        ),
        Attempt(
            "as ci, then as administrator",
            push_as_ci_then_as_admin,
            misconception="login-is-permission",
            says="last push was by `admin`",
        ),
        Attempt(
            "only the repository",
            lambda lab: lab.client("ecr", "ci", THERE).create_repository(repositoryName=NAME),
            misconception="left-out",
            says="its tags are: none",
        ),
    ),
    people=("ci",),
)
