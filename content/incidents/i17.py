"""Incident 17: the robot's keys are not accepted. What a learner reads is in i17.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ecrlab.environment import credentials
from ecrlab_course.desk.town import BUILD, LOGIN_LINE, Open, Ran, Town, only_says, role, run_again, trust, user

JOB, KEYS, VAULT, SESSION = "jobs/login.sh", "deploy/robot.env", "vault/robot.txt", "vault/session.json"
HOUR = 3700
"""Seconds after which a session of an hour is over."""
SAID = ("security token included in the request is", "request signature we calculated does not match")


def before(town: Town) -> None:
    """Let the robot be able to assume a role that releases; write its first step, and what the vault has."""
    town.make_role("releaser", trust({"AWS": user("ci")}), *BUILD)
    town.write(JOB, f"#!/bin/bash\n# login.sh: the first step of every release\n. {KEYS}\n{LOGIN_LINE}\n")
    key, secret = vaults(town)
    town.write(VAULT, f"{key} {secret}\n", 0o600)


def vaults(town: Town) -> tuple[str, str]:
    """Return the robot's key as the vault has it: the one that works."""
    held = credentials(town.lab.home, "ci")
    return held["AWS_ACCESS_KEY_ID"], held["AWS_SECRET_ACCESS_KEY"]


def job_has(town: Town, key: str, secret: str, token: str = "") -> None:
    """Write the keys that the job loads."""
    lines = [
        "unset AWS_PROFILE   # a profile would win over the keys below",
        f"export AWS_ACCESS_KEY_ID={key}",
        f"export AWS_SECRET_ACCESS_KEY={secret}",
        *([f"export AWS_SESSION_TOKEN={token}"] if token else []),
    ]
    town.write(KEYS, "\n".join(lines) + "\n", 0o600)


def new_session(town: Town) -> dict[str, Any]:
    """Let the robot assume the role; return the three values."""
    sts = town.client("sts", "ci")
    answer = sts.assume_role(RoleArn=role("releaser"), RoleSessionName="nightly")["Credentials"]
    return {name: answer[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")}


# Seeds


def switched_off(town: Town) -> None:
    """Give the job a key that was rotated away: inactive, or deleted."""
    made = town.iam.create_access_key(UserName="ci")["AccessKey"]
    key = town.notes["old"] = made["AccessKeyId"]
    job_has(town, key, made["SecretAccessKey"])
    if town.seed == 0:
        town.iam.update_access_key(UserName="ci", AccessKeyId=key, Status="Inactive")
    else:
        town.iam.delete_access_key(UserName="ci", AccessKeyId=key)


def without_token(town: Town) -> None:
    """Give the job two of the three values of a session."""
    made = session_in_vault(town)
    job_has(town, made["AccessKeyId"], made["SecretAccessKey"])


def mistyped_id(town: Town) -> None:
    """Give the job an id with another letter, or with two letters that changed places."""
    key, secret = vaults(town)
    if town.seed == 0:
        key = key[:-1] + ("B" if key[-1] == "A" else "A")
    else:
        at = next(at for at in range(6, len(key) - 1) if key[at] != key[at + 1])
        key = key[:at] + key[at + 1] + key[at] + key[at + 2 :]
    job_has(town, key, secret)


def damaged_secret(town: Town) -> None:
    """Give the job a secret without its last letter, or with its letters in the other case."""
    key, secret = vaults(town)
    job_has(town, key, secret[:-1] if town.seed == 0 else secret.swapcase())


def session_over(town: Town) -> None:
    """Give the job a session of an hour, and let more than an hour pass."""
    made = session_in_vault(town)
    job_has(town, made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    town.advance((HOUR, 11 * HOUR)[town.seed])


SEEDS = {"a": switched_off, "b": without_token, "c": mistyped_id, "d": damaged_secret, "e": session_over}


def session_in_vault(town: Town) -> dict[str, Any]:
    """Begin a session and put what STS answered into the vault."""
    made = new_session(town)
    town.write(SESSION, json.dumps(made, indent=2) + "\n", 0o600)
    return made


def symptom(town: Town, ran: Ran) -> bool:
    """Tell whether aws says that the credentials are not good."""
    return ran.code != 0 and any(text in ran.text for text in SAID)


# What closes it


def closed(town: Town, cause: str) -> Iterator[Open]:
    """Yield what is still open: whose login it is, and how long it will work."""
    who = logged_in_as(town)
    robot, session = user("ci"), ":assumed-role/releaser/"
    if not who:
        yield Open("nobody")
    elif who != robot and session not in who:
        yield Open("not-the-robot", who=who.rpartition(":")[2])
    elif cause == "a" and any(key != vaults(town)[0] for key in active_keys(town)):
        yield Open("second-key")
    elif cause in ("b", "e") and who == robot:
        yield Open("lasting-key")
    elif cause == "e":
        town.advance(HOUR)
        ran = town.run()
        if ran.code:
            yield Open("hour-later", said=said_by_aws(ran))


def logged_in_as(town: Town) -> str:
    """Run the job; return the ARN that fetched the token, "" for none."""
    mark = town.lab.last()
    town.run()
    rows = [row for row in town.rows(mark) if row["operation"] == "GetAuthorizationToken" and row["status"] == 200]
    return str(rows[-1]["principal"]) if rows else ""


def active_keys(town: Town) -> list[str]:
    """Return the ids of the robot's active keys."""
    keys = town.iam.list_access_keys(UserName="ci")["AccessKeyMetadata"]
    return [str(key["AccessKeyId"]) for key in keys if key["Status"] == "Active"]


def said_by_aws(ran: Ran) -> str:
    """Return what aws printed of a refusal, else the last line."""
    return next((line.strip() for line in ran.text.splitlines() if "An error occurred" in line), ran.last)


# Fixes


def take_the_vaults(town: Town) -> None:
    """Give the job the key that the vault has."""
    job_has(town, *vaults(town))


def third_value(town: Town) -> None:
    """Give the job all three values of the session in the vault."""
    kept = json.loads(town.read(SESSION))
    job_has(town, kept["AccessKeyId"], kept["SecretAccessKey"], kept["SessionToken"])


def assume_in_the_job(town: Town) -> None:
    """Let the job begin a session of its own each time."""
    asked = f"aws sts assume-role --role-arn {role('releaser')} --role-session-name nightly"
    shown = "--query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text"
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    lines = [f"read -r {' '.join(names)} < <({asked} {shown})", "unset AWS_PROFILE", f"export {' '.join(names)}"]
    town.write(KEYS, "\n".join(lines) + "\n", 0o600)


FIXES = {
    "a": take_the_vaults,
    "b": third_value,
    "c": take_the_vaults,
    "d": take_the_vaults,
    "e": assume_in_the_job,
}


# Wrong fixes


def admins_key(town: Town) -> None:
    """Give the job the administrator's key."""
    held = credentials(town.lab.home, "admin")
    job_has(town, held["AWS_ACCESS_KEY_ID"], held["AWS_SECRET_ACCESS_KEY"])


def revive(town: Town) -> None:
    """Switch the old key on again; where it was deleted, make one for the job."""
    if town.seed == 0:
        town.iam.update_access_key(UserName="ci", AccessKeyId=town.notes["old"], Status="Active")
    else:
        made = town.iam.create_access_key(UserName="ci")["AccessKey"]
        job_has(town, made["AccessKeyId"], made["SecretAccessKey"])


def one_more_session(town: Town) -> None:
    """Give the job the three values of a session that was begun by hand."""
    made = new_session(town)
    job_has(town, made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])


COMMON = {
    "the same again": (run_again, "still"),
    "the administrator's key": (admins_key, "not-the-robot"),
    "the job only says so": (only_says(JOB, "Login Succeeded"), "nobody"),
}
LASTING = {**COMMON, "a lasting key instead": (take_the_vaults, "lasting-key")}
WRONG = {
    "a": {**COMMON, "the old key, or one more": (revive, "second-key")},
    "b": LASTING,
    "c": COMMON,
    "d": COMMON,
    "e": {**LASTING, "one more session by hand": (one_more_session, "hour-later")},
}
