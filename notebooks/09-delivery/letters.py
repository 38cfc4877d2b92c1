"""Letters of the git server: read one, forge one, or show seven of them at the door.

python letters.py read main.jwt
python letters.py forge stranger.jwt > forged.jwt
python letters.py door
"""

import base64
import json
import subprocess
import sys
from typing import Any

import boto3
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/pipeline"
SEVEN = {
    "main": ["main"],
    "tag v1.4": ["refs/tags/v1.4"],
    "pull request 7": ["refs/pull/7/merge"],
    "production": ["main", "--environment", "production"],
    "to somebody else": ["main", "--audience", "https://chat.example"],
    "six minutes old": ["main", "--age", "360"],
    "our fork": ["main", "--repository", "dara/booking"],
}


def unwrap(part: str) -> dict[str, Any]:
    """Return the JSON of a part of a letter: base64 hides nothing."""
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def wrap(value: dict[str, Any]) -> str:
    """Return JSON as a part of a letter."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def read(letter: str) -> None:
    """Print what a letter says, and how long its signature is."""
    head, body, signature = letter.split(".")
    for name, value in {**unwrap(head), **unwrap(body)}.items():
        print(f"{name:4} {value}")
    print(f"and a signature of {len(signature)} characters")


def forge(letter: str) -> None:
    """Print the letter with the company's name in place of the stranger's; the signature stays."""
    head, body, signature = letter.split(".")
    changed = unwrap(body)
    changed["sub"] = changed["sub"].replace("stranger/", "harbour-bikes/")
    print(".".join([head, wrap(changed), signature]))


def door() -> None:
    """Show seven letters to STS, one after the other, and print what it answers."""
    sts = boto3.client("sts")  # type: ignore[no-untyped-call]
    for name, given in SEVEN.items():
        letter = subprocess.run(["ecrlab", "ci", "token", *given], check=True, capture_output=True, text=True).stdout
        try:
            sts.assume_role_with_web_identity(RoleArn=ROLE, RoleSessionName="door", WebIdentityToken=letter.strip())
            print(f"{name:18} in")
        except ClientError as error:
            print(f"{name:18} {error.response['Error']['Code']}: {error.response['Error']['Message'][:58]}")


if sys.argv[1] == "door":
    door()
else:
    with open(sys.argv[2]) as file:
        {"read": read, "forge": forge}[sys.argv[1]](file.read().strip())
