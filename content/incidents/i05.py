"""Incident 5: a login whose last line is not its reason. What a learner reads is in i05.md."""

from __future__ import annotations

from collections.abc import Iterator

from ecrlab.environment import credentials
from ecrlab_course.desk.town import BUILD, LOGIN, PUSH, Open, Town, allow, only_says, run_again

JOB, CONFIG, CREDENTIALS, KEYS = "jobs/login.sh", "jobs/aws-config", "vault/credentials", "vault/robot.env"
CURRENT = "vault/ci-rotated.txt"
HIDES = " 2>/dev/null"
NOBODY_ANSWERS = "export AWS_ENDPOINT_URL=http://127.0.0.1:9 AWS_MAX_ATTEMPTS=1"


def write_job(town: Town, *before: str, hides: str = HIDES, profile: str = "") -> None:
    """Write the login, with these lines before it."""
    left = f"aws{profile} ecr get-login-password{hides} |"
    right = '  docker login --username AWS --password-stdin "$REGISTRY"'
    town.write(JOB, "\n".join(("#!/bin/bash", *before, left, right, "")))


def write_key(town: Town, key: str, secret: str) -> None:
    """Write a key into the file from which the job takes it: of the form that `aws` reads, or lines of a shell."""
    if town.seed == 0:
        text = f"[ci]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
        town.write(CREDENTIALS, text, 0o600)
    else:
        lines = ("unset AWS_PROFILE", f"export AWS_ACCESS_KEY_ID={key}", f"export AWS_SECRET_ACCESS_KEY={secret}", "")
        town.write(KEYS, "\n".join(lines), 0o600)


def seed_no_region(town: Town) -> None:
    """The job reads a configuration without a Region."""
    if town.seed == 0:
        configured = "export AWS_CONFIG_FILE=/dev/null"
    else:
        town.write(CONFIG, "[profile ci]\noutput = json\n", 0o644)
        configured = f'export AWS_CONFIG_FILE="$PWD/{CONFIG}"'
    write_job(town, configured, "unset AWS_REGION AWS_DEFAULT_REGION")


def seed_no_profile(town: Town) -> None:
    """The job names a profile that nobody has configured."""
    write_job(town, "export AWS_PROFILE=" + ("ci-robot", "CI")[town.seed])


def seed_no_permission(town: Town) -> None:
    """The robot's policy does not have the login, or has it on repositories."""
    write_job(town)
    scoped = allow([LOGIN["Action"], *PUSH], "web/*")
    town.user_policy("ci", "build", *((BUILD[1:], (scoped, BUILD[2]))[town.seed]))


def seed_old_key(town: Town) -> None:
    """The robot's key was rotated; the job has the old one."""
    old = town.iam.create_access_key(UserName="ci")["AccessKey"]
    town.notes["old"] = str(old["AccessKeyId"])
    write_key(town, old["AccessKeyId"], old["SecretAccessKey"])
    town.iam.update_access_key(UserName="ci", AccessKeyId=old["AccessKeyId"], Status="Inactive")
    town.write(CURRENT, "{}\n{}\n".format(*current_key(town)), 0o600)
    write_job(town, (f'export AWS_SHARED_CREDENTIALS_FILE="$PWD/{CREDENTIALS}"', f". {KEYS}")[town.seed])


SEEDS = {"a": seed_no_region, "b": seed_no_profile, "c": seed_no_permission, "d": seed_old_key}


def current_key(town: Town) -> tuple[str, str]:
    """Return the key and the secret that the robot's profile has."""
    held = credentials(town.lab.home, "ci")
    return held["AWS_ACCESS_KEY_ID"], held["AWS_SECRET_ACCESS_KEY"]


def closed(town: Town, cause: str) -> Iterator[Open]:
    """The robot itself logged in; no old key works; and where aws fails, its own words are seen."""
    tokens = [row for row in town.rows() if row["operation"] == "GetAuthorizationToken" and row["status"] == 200]
    who = str(tokens[-1]["principal"] or "").rpartition(":")[2] if tokens else ""
    if not tokens:
        yield Open("nobody")
    elif who != "user/ci":
        yield Open("not-by-ci", who=who)
    if "Could not connect" not in town.run(NOBODY_ANSWERS).text:
        yield Open("hidden")
    if cause == "d":
        keys = town.iam.list_access_keys(UserName="ci")["AccessKeyMetadata"]
        if any(key["AccessKeyId"] == town.notes["old"] and key["Status"] == "Active" for key in keys):
            yield Open("old-key")


# Fixes ---------------------------------------------------------------------------------------------------------------


def plain_job(town: Town) -> None:
    """The job sets nothing and hides nothing."""
    write_job(town, hides="")


def allow_the_login(town: Town) -> None:
    """The robot may log in; the job hides nothing."""
    town.user_policy("ci", "build", *BUILD)
    plain_job(town)


def use_the_current_key(town: Town) -> None:
    """The job's file has the current key, and the old one is deleted."""
    write_key(town, *current_key(town))
    town.replace(JOB, HIDES, "")
    town.iam.delete_access_key(UserName="ci", AccessKeyId=town.notes["old"])


FIXES = {"a": plain_job, "b": plain_job, "c": allow_the_login, "d": use_the_current_key}


def only_show(town: Town) -> None:
    """Let aws speak, and change nothing else."""
    town.replace(JOB, HIDES, "")


def log_in_as_admin(town: Town) -> None:
    """Let the job fetch the administrator's token."""
    write_job(town, hides="", profile=" --profile admin")


def fix_and_hide(town: Town, cause: str) -> None:
    """Do what is right, and hide again what aws says."""
    FIXES[cause](town)
    town.replace(JOB, "get-login-password", f"get-login-password{HIDES}")


def switch_the_old_key_on(town: Town) -> None:
    """Make the old key valid again."""
    town.iam.update_access_key(UserName="ci", AccessKeyId=town.notes["old"], Status="Active")
    only_show(town)


def write_the_key_into_the_job(town: Town) -> None:
    """Write the current key into the script."""
    key, secret = current_key(town)
    given = ("unset AWS_PROFILE", f"export AWS_ACCESS_KEY_ID={key}", f"export AWS_SECRET_ACCESS_KEY={secret}")
    write_job(town, *given, hides="")


WRONG = {
    "a": {
        "only shown": (only_show, "still"),
        "admin's login for the robot": (log_in_as_admin, "not-by-ci"),
        "fixed, and hidden again": (lambda town: fix_and_hide(town, "a"), "hidden"),
        "a key in the script": (write_the_key_into_the_job, "secret"),
        "the job only says so": (only_says(JOB, "Login Succeeded"), "nobody"),
    },
    "b": {
        "the same again": (run_again, "still"),
        "admin's login for the robot": (log_in_as_admin, "not-by-ci"),
        "fixed, and hidden again": (lambda town: fix_and_hide(town, "b"), "hidden"),
    },
    "c": {
        "the same again": (run_again, "still"),
        "admin's login for the robot": (log_in_as_admin, "not-by-ci"),
        "fixed, and hidden again": (lambda town: fix_and_hide(town, "c"), "hidden"),
    },
    "d": {
        "the old key switched on again": (switch_the_old_key_on, "old-key"),
        "admin's login for the robot": (log_in_as_admin, "not-by-ci"),
        "fixed, and hidden again": (lambda town: fix_and_hide(town, "d"), "hidden"),
        "a key in the script": (write_the_key_into_the_job, "secret"),
    },
}
