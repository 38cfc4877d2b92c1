"""Incident 15: new nodes, and no base image. What a learner reads is in i15.md."""

from __future__ import annotations

from collections.abc import Iterator

from ecrlab_course.desk.town import LOGIN_LINE, Open, Town, run_again
from ecrlab_course.toolbox.hub_client import push as hub_push

JOB = "jobs/nodes.sh"
BASE = "learner/base"
"""The base image of the day, at the Hub."""
COPY = "base/day"
ANONYMOUS, ACCOUNT = (4, 3), (6, 5)
"""By seed: how many pulls the Hub lets an address make without a login, and an account, in six hours."""
NODES = 3
WINDOW = 6 * 60 * 60
HUB_LOGIN = 'docker login -u learner --password-stdin "$HUB" < "$HUB_PASSWORD_FILE" >/dev/null\n'


def before(town: Town) -> None:
    """Put the base image of the day at the Hub, whose limits are small here."""
    hub = town.lab.hub
    hub.reset()
    hub.limits(ANONYMOUS[town.seed], ACCOUNT[town.seed], WINDOW)
    hub_push(hub, BASE, "day", b"the base image of the day")


def nodes_job(town: Town, log_in: str = "") -> None:
    """Write the job in which three nodes start, one after the other."""
    town.write(
        JOB,
        "#!/bin/bash\n# nodes.sh: three new nodes start, each with an empty disk\n"
        f"image=$HUB/{BASE}:day\n{log_in}"
        "for node in 1 2 3; do\n"
        '  [ -z "$(docker images -q "$image")" ] || docker rmi -f "$image" >/dev/null   # a new node has no copy\n'
        '  docker pull -q "$image" || exit 1\n'
        "done\n",
    )


# Seeds


def nobody_logs_in(town: Town) -> None:
    """Let the nodes pull without a login; the address has used up what it may."""
    nodes_job(town)
    use_up(town)


def login_left_behind(town: Town) -> None:
    """Let the job log in, and pull with another docker folder; the account is a paid one."""
    town.lab.hub.limits(account=200)
    other = ('"$PWD/jobs/.build"', '"$(mktemp -d)"')[town.seed]
    nodes_job(town, f"{HUB_LOGIN}export DOCKER_CONFIG={other}   # the build step has a clean folder\n")
    use_up(town)


def account_used_up(town: Town) -> None:
    """Let the nodes pull with a login; the account has used up what it may."""
    nodes_job(town, HUB_LOGIN)
    use_up(town, "learner")


SEEDS = {"a": nobody_logs_in, "b": login_left_behind, "c": account_used_up}


def use_up(town: Town, account: str | None = None) -> None:
    """Count as many pulls as the Hub allows: of our address, or of an account."""
    limit = ANONYMOUS[town.seed] if account is None else ACCOUNT[town.seed]
    town.lab.control.hub_window(used=limit, user=account)


# What closes it


def closed(town: Town, cause: str) -> Iterator[Open]:
    """Yield what is still open: the next build, and how often the Hub is asked for one image."""
    if cause != "b":
        town.lab.control.hub_window()  # how often it asks is to be seen, and not how much of the limit is left
    mark = town.lab.last()
    ran = town.run()
    from_hub, from_us = handed_out(town, mark)
    if cause != "b":
        use_up(town, "learner" if cause == "c" else None)
    if ran.code:
        yield Open("next-build", said=ran.last)
    elif cause != "b" and from_hub > 1:
        yield Open("each-node-asks", asked=from_hub)
    elif from_hub + from_us < NODES and not (cause != "b" and from_us):
        yield Open("no-image")


def handed_out(town: Town, mark: int) -> tuple[int, int]:
    """Return how many pulls the Hub and our registry have answered since a row.

    An engine that has had the manifest asks for its head alone, which is free; another asks for both.
    """
    rows = [row for row in town.rows(mark) if "/manifests/" in row["path"]]
    ours = sum(row["service"] == "registry" and row["status"] == 200 for row in rows)
    asked = [(row["method"], row["status"]) for row in rows if row["service"] == "hub"]
    return max(asked.count(("GET", 200)), asked.count(("HEAD", 200)) - asked.count(("GET", 429))), ours


# Fixes


def copy_into_ecr(town: Town, log_in: str) -> None:
    """Copy the image into a repository of ours, and let the nodes pull it there."""
    town.ecr.create_repository(repositoryName=COPY)
    town.login("admin")
    town.sh(
        f"{log_in}docker pull -q $HUB/{BASE}:day\n"
        f"docker tag $HUB/{BASE}:day $REGISTRY/{COPY}:day\ndocker push -q $REGISTRY/{COPY}:day"
    )
    town.without_lines(JOB, "docker login")
    town.replace(JOB, f"image=$HUB/{BASE}:day", f"{LOGIN_LINE} >/dev/null\nimage=$REGISTRY/{COPY}:day")


def copy_signed_in(town: Town) -> None:
    """Copy the image with the account's login: the address has no pull left."""
    copy_into_ecr(town, HUB_LOGIN)


def copy_anonymously(town: Town) -> None:
    """Copy the image without a login: the account has no pull left."""
    copy_into_ecr(town, "")


def one_folder(town: Town) -> None:
    """Let the pull read the folder into which the job logged in."""
    town.without_lines(JOB, "DOCKER_CONFIG")


FIXES = {"a": copy_signed_in, "b": one_folder, "c": copy_anonymously}


# Wrong fixes


def raise_the_limit(town: Town) -> None:
    """Take the Hub's limits away, as nobody of us could."""
    town.lab.hub.limits(None, None)


def try_in_a_loop(town: Town) -> None:
    """Let each node try twice."""
    pull = 'docker pull -q "$image"'
    town.replace(JOB, f"{pull} ||", f"{pull} || {pull} ||")


def wait_six_hours(town: Town) -> None:
    """Wait until the Hub counts from nothing again."""
    town.advance(WINDOW + 60)


def log_in_at_the_hub(town: Town) -> None:
    """Let the job log in: the account still has pulls."""
    town.replace(JOB, "for node", f"{HUB_LOGIN}for node")


def go_on_without(town: Town) -> None:
    """Let the job end well where a node gets nothing."""
    town.replace(JOB, "|| exit 1", "|| true")


def pull_nothing(town: Town) -> None:
    """Let the job start nodes without a base image."""
    town.without_lines(JOB, "docker pull")


COMMON = {
    "the same again": (run_again, "still"),
    "tried in a loop": (try_in_a_loop, "still"),
    "the limit raised": (raise_the_limit, "limits"),
}
WAITED = {
    **COMMON,
    "no pull at all": (pull_nothing, "no-image"),
    "waited six hours": (wait_six_hours, "each-node-asks"),
}
WRONG = {
    "a": {**WAITED, "logged in with one account": (log_in_at_the_hub, "each-node-asks")},
    "b": {
        **COMMON,
        "going on without": (go_on_without, "no-image"),
        "waited six hours": (wait_six_hours, "next-build"),
    },
    "c": WAITED,
}
