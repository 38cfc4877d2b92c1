"""Incident 9: the head of a manifest is answered with 403. What a learner reads is in i09.md."""

from __future__ import annotations

from collections.abc import Iterator

from ecrlab_course.desk.town import (
    LOGIN,
    LOGIN_LINE,
    OPERATORS,
    PULL,
    STAR,
    Open,
    Statement,
    Town,
    allow,
    arn,
    only_says,
    root,
    user,
)

JOB = """\
#!/bin/bash
# Is the image there? Asks for the head of its manifest; no body travels.
host=${REGISTRY%%/*}
path=${REGISTRY#"$host"}/REPOSITORY
login=$(python3 -c '
import json, os, sys
logins = json.load(open(os.environ["DOCKER_CONFIG"] + "/config.json"))["auths"]
print(logins[sys.argv[1]]["auth"])' "$host") || exit 1
answer=$(curl -sI -H "Authorization: Basic $login" "http://$host/v2$path/manifests/TAG" | head -1 | tr -d '\\r')
echo "$answer"
[[ $answer == *" 200"* ]]
"""
NETWORKS = ("10.0.0.0/8", "127.0.0.0/8")
"""Our networks, as the healthy policy lists them."""
OUTSIDE = {"aws:SourceIp": "203.0.113.9"}
"""An address that is in none of them."""


def only_from(*networks: str) -> Statement:
    """Return the Deny for everybody who asks from elsewhere."""
    elsewhere = {"NotIpAddress": {"aws:SourceIp": list(networks)}}
    return {
        "Sid": "only-from-our-network",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "ecr:BatchGetImage",
        "Condition": elsewhere,
    }


def before(town: Town) -> None:
    """Let the image be read from our networks alone, and log Omar in."""
    repository, tag = town.running
    town.guarded(repository, only_from(*NETWORKS))
    town.write("jobs/is-it-there.sh", JOB.replace("REPOSITORY", repository).replace("TAG", tag))
    town.login("ops")


def let_the_login_expire(town: Town) -> None:
    """Let the login become older than twelve hours."""
    town.advance(hours=(12.5, 60)[town.seed])


def narrow_the_group(town: Town) -> None:
    """Take the manifest out of the group's policy, or leave it the other repository."""
    left = (allow(PULL[1:], "web/*"), allow(PULL, "web/booking"))[town.seed]
    town.group_policy("operators", "pull-web", LOGIN, left)


def forget_our_network(town: Town) -> None:
    """Write the list of networks again, without ours."""
    networks = (("10.0.0.0/8",), ("10.0.0.0/8", "192.0.0.0/8"))[town.seed]
    town.guarded(town.running[0], only_from(*networks))


def stranger(town: Town) -> str:
    """Return the profile whose login lies on Omar's computer."""
    return ("developer", "partner")[town.seed]


def log_somebody_else_in(town: Town) -> None:
    """Leave another person's login on Omar's computer."""
    line = LOGIN_LINE.replace("get-login-password", f"get-login-password --profile {stranger(town)}")
    town.sh(line, "ops")


SEEDS = {
    "a": let_the_login_expire,
    "b": narrow_the_group,
    "c": forget_our_network,
    "d": log_somebody_else_in,
}


def closed(town: Town, cause: str) -> Iterator[Open]:
    """Ask whether Omar was answered, and whether the image can be read from outside now."""
    if not has_the_head(town):
        yield Open("no-answer")
    if not town.is_denied(("user/ops", "ecr:BatchGetImage", arn(town.running[0])), context=OUTSIDE):
        yield Open("from-outside")


def has_the_head(town: Town) -> bool:
    """Run the check; tell whether Omar got the head of the manifest by it."""
    mark = town.lab.last()
    town.run()
    place = "{}/manifests/{}".format(*town.running)
    rows = [row for row in town.rows(mark) if row["method"] == "HEAD" and row["path"].endswith(place)]
    return any(row["status"] == 200 and str(row["principal"]).endswith(":user/ops") for row in rows)


# Fixes


def log_in_again(town: Town) -> None:
    """Log Omar in."""
    town.login("ops")


def allow_the_manifest(town: Town) -> None:
    """Give the group its two actions on web/* again."""
    town.group_policy("operators", "pull-web", *OPERATORS)


def list_our_address(town: Town) -> None:
    """Add the one address that asks."""
    town.guarded(town.running[0], only_from("10.0.0.0/8", "127.0.0.1/32"))


FIXES = {"a": log_in_again, "b": allow_the_manifest, "c": list_our_address, "d": log_in_again}


# Wrong fixes


def ask_again(town: Town) -> None:
    """Run the check once more."""
    town.run()


def open_wide(town: Town) -> None:
    """Allow Omar everything of ECR."""
    town.user_policy("ops", "fix", STAR)


def log_in_and_open_wide(town: Town) -> None:
    """Log Omar in, and allow him everything of ECR."""
    town.login("ops")
    open_wide(town)


def delete_the_deny(town: Town) -> None:
    """Take the Deny away."""
    town.guarded(town.running[0])


def list_everybody(town: Town) -> None:
    """Write the whole internet into the list of networks."""
    town.guarded(town.running[0], only_from("0.0.0.0/0"))


def let_the_stranger_in(town: Town) -> None:
    """Allow the pull to whoever's login was sent."""
    principal = root("444455556666") if town.seed else user("developer")
    share = {"Sid": "also", "Effect": "Allow", "Principal": {"AWS": principal}, "Action": PULL}
    town.guarded(town.running[0], share, only_from(*NETWORKS))


ONLY_SAYS = {"the job only says so": (only_says("jobs/is-it-there.sh", "HTTP/1.1 200 OK"), "no-answer")}
WRONG = {
    "a": {
        "asked again": (ask_again, "still"),
        "ecr:* on *": (open_wide, "still"),
        "logged in, and ecr:* as well": (log_in_and_open_wide, "wider"),
        **ONLY_SAYS,
    },
    "b": {"asked again": (ask_again, "still"), "ecr:* on *": (open_wide, "wider"), **ONLY_SAYS},
    "c": {
        "the Deny deleted": (delete_the_deny, "from-outside"),
        "every network in the list": (list_everybody, "from-outside"),
        "ecr:* on *": (open_wide, "still"),
        **ONLY_SAYS,
    },
    "d": {
        "asked again": (ask_again, "still"),
        "whoever's login it was is let in": (let_the_stranger_in, "wider"),
        "ecr:* on *": (open_wide, "still"),
        **ONLY_SAYS,
    },
}
