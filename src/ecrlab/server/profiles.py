"""The AWS profiles under which aws and boto3 reach the lab, in files of the home."""

from __future__ import annotations

import re

from ecrlab.aws.identity.identities import Document
from ecrlab.home import REGION, Home, write_private


def write_profiles(home: Home, port: int, keys: dict[str, Document]) -> None:
    """Write the AWS configuration and credentials files with the lab's profiles, mode 600.

    A file that exists is the learner's too: only the lab's own sections are brought up to date.
    """
    endpoint = f"http://localhost:{port}"
    # The retries that AWS CLI v2 has by default; v1's own would make a Region that is off silent for 15 seconds.
    common = {"region": REGION, "output": "json", "retry_mode": "standard", "endpoint_url": endpoint}
    config = {f"profile {name}": dict(common) for name in keys}
    config["default"] = config["profile admin"]
    credentials = {
        name: {"aws_access_key_id": key["id"], "aws_secret_access_key": key["secret"]} for name, key in keys.items()
    }
    credentials["default"] = credentials["admin"]
    for path, sections in ((home.aws_config, config), (home.aws_credentials, credentials)):
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        new = _merged(old, sections)
        if new != old:
            write_private(path, new)
    for name in keys:
        home.docker_config(name).mkdir(mode=0o700, parents=True, exist_ok=True)


def _merged(text: str, sections: dict[str, dict[str, str]]) -> str:
    """Return an INI text in which ``sections`` have these values; whatever else it holds stays as it is."""
    parts = re.split(r"(?m)^(?=\[)", text)
    for name, values in sections.items():
        header = f"[{name}]"
        index = next((i for i, part in enumerate(parts) if part.split("\n", 1)[0].strip() == header), None)
        lines = [] if index is None else parts[index].rstrip("\n").split("\n")[1:]
        # What leads to the lab is not the learner's to change; the rest is.
        for key, value in values.items():
            at = next((i for i, line in enumerate(lines) if line.partition("=")[0].strip() == key), None)
            if at is None:
                lines.append(f"{key} = {value}")
            elif key not in ("output", "region", "retry_mode"):
                lines[at] = f"{key} = {value}"
        part = "\n".join([header, *lines]) + "\n\n"
        if index is None:
            parts.append(part)
        else:
            parts[index] = part
    return "".join(parts)
