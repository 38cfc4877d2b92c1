"""The examples in the aws CLI's own help for ecr and ecr-public, carried out: the answers have the documented shape.

An example's command runs as it stands; `VALUES` and `prepare` fill in what cannot be known beforehand. Every member of
its "Output" must be in the answer, with a value of the same type. The commands run in this process, one after another.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awscli
import pytest
from awscli.clidriver import create_clidriver

from ecrlab.home import ACCOUNT, PARTNER_ACCOUNT
from ecrlab_course.toolbox.image import image

EXAMPLES = Path(awscli.__file__).parent / "examples"
# Commands that are not carried out, and why.
NOT_RUN = {
    ("ecr", "get-login", 0): "version 1 of the aws CLI prints the password; docker has not its -e any more",
    ("ecr", "get-login", 1): "as above",
    ("ecr", "get-login-password", 1): "a pipe into docker; tests/clients/test_docker_push.py goes this way",
    ("ecr-public", "get-login-password", 0): "as above",
    ("ecr-public", "get-login-password", 1): "as above",
    ("ecr-public", "put-registry-catalog-data", 0): "a display name is for accounts with a badge",
    ("ecr-public", "batch-delete-image", 3): "an account may not delete in another one's registry",
}
# What the documentation shows and the lab does not, and why: (service, command) and the path of the member.
DIFFERENT = {
    ("ecr-public", "get-registry-catalog-data", "registryCatalogData.displayName"): "needs a badge",
}


@dataclass(frozen=True)
class Example:
    """One command of a help page, the files it reads, and the output that is shown."""

    service: str
    page: str
    number: int
    command: str
    files: dict[str, str]
    output: str

    def __str__(self) -> str:
        return f"{self.service} {self.page} {self.number}"


def examples(service: str) -> Iterator[Example]:
    """The examples of a service, in the order of its pages."""
    for path in sorted((EXAMPLES / service).glob("*.rst")):
        # Literal blocks: indented lines after a line that ends with "::".
        blocks: list[tuple[str, str]] = []
        lines = path.read_text(encoding="utf-8").splitlines()
        at = 0
        while at < len(lines):
            if not lines[at].rstrip().endswith("::"):
                at += 1
                continue
            title, at = lines[at], at + 1
            block = []
            while at < len(lines) and (not lines[at].strip() or lines[at][0] == " " or lines[at].startswith("|")):
                block.append(lines[at])
                at += 1
            blocks.append((title, "\n".join(block)))
        number = -1
        found: dict[int, dict[str, Any]] = {}
        for title, text in blocks:
            if re.match(r"\s*aws ", text):
                number += 1
                found[number] = {"command": text, "files": {}, "output": ""}
            elif title.startswith("Contents of"):
                found[number]["files"][title.split("``")[1]] = text
            elif title.startswith("Output"):
                found[number]["output"] = text
        for count, each in found.items():
            yield Example(service, path.stem, count, **each)


# ---------------------------------------------------------------------------------------------------------- the world


def prepare(lab: Any, example: Example, name: str) -> dict[str, str]:
    """Make the repository that an example is about as it expects it; return what is filled in for its placeholders."""
    client = lab.client(example.service)
    with contextlib.suppress(client.exceptions.RepositoryNotFoundException):
        client.delete_repository(repositoryName=name, force=True)
    if example.page == "create-repository":
        return {}
    if example.service == "ecr":
        return _prepare_private(lab, client, example, name)
    client.create_repository(
        repositoryName=name,
        catalogData={
            "description": "one",
            "architectures": ["ARM"],
            "operatingSystems": ["Linux"],
            "logoImageBlob": LOGO,
            "aboutText": "about",
            "usageText": "usage",
        },
        tags=[{"Key": "stack", "Value": "dev1"}],
    )
    client.set_repository_policy(repositoryName=name, policyText=POLICY.replace("ecr:", "ecr-public:"))
    if "image" not in example.page:
        return {}
    for tag in ("_temp", "temp1.0", "temp2.0"):
        lab.push_public(name, tag, tag.encode())
    return {
        "sha256:b1f9deb5fe3711a3278379ebbcaefbc5d70a2263135db86bd27a0dae150546c2": lab.push_public(name, "latest"),
        "sha256:47ba980bc055353d9c0af89b1894f68faa43ca93856917b8406316be86f01278": lab.push_public(name, "", b"none"),
    }


def _prepare_private(lab: Any, ecr: Any, example: Example, name: str) -> dict[str, str]:
    ecr.create_repository(repositoryName=name, tags=[{"Key": "Stage", "Value": "Integ"}])
    ecr.set_repository_policy(repositoryName=name, policyText=POLICY)
    ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=LIFECYCLE)
    for tag in ("precise", "prod", "team1", "v1.13.6"):
        if tag in example.command or tag in example.output or (tag == "v1.13.6" and "layer" in example.page):
            lab.push(name, tag, tag.encode())
    if example.page == "put-image":
        lab.push(name, "other", b"v1.13.6")
    known = {"sha256:6171c7451a50945f8ddd72f7732cc04d7a0d1f48138a426b2e64387fdeb834ed": _digest(image(b"v1.13.6")[1])}
    if "scan" in example.page:
        found = lab.push_faulty(name, "latest")
        known["sha256:74b2c688c700ec95a93e478cdb959737c148df3fbf5ea706abe0318726e885e6"] = found
        if example.page == "describe-image-scan-findings":
            ecr.start_image_scan(repositoryName=name, imageId={"imageDigest": found})
            waiter = ecr.get_waiter("image_scan_complete")
            waiter.wait(repositoryName=name, imageId={"imageDigest": found}, WaiterConfig={"Delay": 0.2})
    if example.page == "get-lifecycle-policy-preview":
        ecr.start_lifecycle_policy_preview(repositoryName=name)
        waiter = ecr.get_waiter("lifecycle_policy_preview_complete")
        waiter.wait(repositoryName=name, WaiterConfig={"Delay": 0.2})
    if name == "layer-test":
        upload, content = ecr.initiate_layer_upload(repositoryName=name)["uploadId"], LAYER
        known["6cb64b8a-9378-0e33-2ab1-b780fab8a9e9"] = upload
        if example.page == "complete-layer-upload":
            part = {"partFirstByte": 0, "partLastByte": len(content) - 1, "layerPartBlob": content}
            ecr.upload_layer_part(repositoryName=name, uploadId=upload, **part)
    return known


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


LAYER = b"0" * 8_323_315
LOGO = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
POLICY = json.dumps(
    {
        "Version": "2008-10-17",
        "Statement": [{"Sid": "one", "Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage"]}],
    }
)
SELECTION = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}
LIFECYCLE = json.dumps(
    {
        "rules": [
            {"rulePriority": 1, "description": "Expire", "selection": SELECTION, "action": {"type": "expire"}},
        ]
    }
)
# What is put in the place of something in a command or in a file; why is in the comment.
VALUES = {
    "MyRepository": "my-repository",  # a repository's name has no capitals
    "012345678910": ACCOUNT,
    "890517186334": ACCOUNT,
    "account-id:user/push-pull-user-1": f"{ACCOUNT}:user/ci",  # a principal has to exist
    "account-id:user/push-pull-user-2": f"{ACCOUNT}:user/ops",
    "other-or-same-account-id:role/RoleName": f"{PARTNER_ACCOUNT}:user/partner",
    ":us-west-2:": ":us-east-1:",  # the lab's Region
    "iVBORw0KGgoA<<truncated-for-better-reading>>ErkJggg==": base64.b64encode(LOGO).decode(),
    "6cb64b8a-9378-0e33-2ab1-b780fab8a9e9:48074e6d3a68b39aad8ccc002cdad912d4148c0f92b3729323e": _digest(LAYER),
    "/var/lib/docker/image/overlay2/layerdb/sha256/"
    "ff986b10a018b48074e6d3a68b39aad8ccc002cdad912d4148c0f92b3729323e/": "",
}
# Files that are written in place of those that are shown.
FILES: dict[str, bytes] = {
    "hello-world.manifest.json": image(b"v1.13.6")[2],  # the layers that are shown are nobody's
    "layer.b64": LAYER,
}


# --------------------------------------------------------------------------------------------------------- the shape


def missing(documented: Any, answer: Any, path: str = "") -> Iterator[str]:
    """What the documentation shows and the answer does not have."""
    if isinstance(documented, dict):
        if not isinstance(answer, dict):
            yield f"{path} is {answer!r:.60}"
            return
        for name, value in documented.items():
            where = f"{path}.{name}".lstrip(".")
            if name in answer:
                yield from missing(value, answer[name], where)
            else:
                yield f"{where} is not there"
    elif isinstance(documented, list):
        if not isinstance(answer, list):
            yield f"{path} is {answer!r:.60}"
        for item in documented:
            found = [list(missing(item, each, f"{path}[]")) for each in answer]
            if all(found):
                yield from min(found, key=len, default=[f"{path} has nothing like {item!r:.60}"])
    elif _kind(documented, path) != _kind(answer, path):
        yield f"{path} is {answer!r:.60}, not like {documented!r:.60}"


def _kind(value: Any, path: str) -> str:
    # Version 1 of the aws CLI shows a moment as a number, version 2 as a text.
    if path.endswith("At") and (isinstance(value, float) or re.match(r"\d{4}-\d\d-\d\dT", str(value))):
        return "moment"
    return type(value).__name__


def read(text: str) -> Any:
    """An output as JSON, None when it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return None


@pytest.mark.timeout(120)
@pytest.mark.parametrize("service", ["ecr", "ecr-public"])
def test_examples(lab: Any, service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    driver = None
    wrong: list[str] = []
    count = 0
    for example in examples(service):
        if (example.service, example.page, example.number) in NOT_RUN:
            continue
        command = example.command
        for shown, used in VALUES.items():
            command = command.replace(shown, used)
        words = shlex.split(command.replace("\\\n", " "))[1:]
        named = re.search(r"--repository-name\s+\"?([a-z0-9/-]+)|:repository/([a-z0-9/-]+)", command)
        known = prepare(lab, example, (named[1] or named[2]) if named else "project-a/nginx-web-app")
        words = [_filled(word, known) for word in words]
        for name, content in example.files.items():
            for shown, used in VALUES.items():
                content = content.replace(shown, used)
            (tmp_path / name).write_text(content, encoding="utf-8")
        for name, whole in FILES.items():
            (tmp_path / name).write_bytes(whole)
        said, errors = io.StringIO(), io.StringIO()
        # Only for the command: boto3's session, which `prepare` uses, was made without a profile.
        with (
            monkeypatch.context() as environment,
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(errors),
        ):
            for name, value in lab.environ("admin").items():
                environment.setenv(name, value)
            driver = driver or create_clidriver()
            status = driver.main(words)
        count += 1
        if status != 0:
            wrong.append(f"{example}: {errors.getvalue().strip()}")
            continue
        wrong += [
            f"{example}: {each}"
            for each in _compared(example, said.getvalue())
            if (service, example.page, each.partition(" is ")[0]) not in DIFFERENT
        ]
    assert not wrong, "\n".join(wrong)
    assert count > 20


def _filled(word: str, known: dict[str, str]) -> str:
    for shown, used in known.items():
        word = word.replace(shown, used)
    return word


def _compared(example: Example, said: str) -> Iterator[str]:
    if not example.output:
        if said.strip():
            yield f"says {said[:80]!r} where nothing is documented"
        return
    documented, answer = read(example.output), read(said)
    if documented is not None:
        yield from missing(documented, answer)
    elif not said.strip():
        yield "says nothing"


def test_the_exceptions_are_needed() -> None:
    """Each names an example that there is."""
    every = {(each.service, each.page, each.number) for service in ("ecr", "ecr-public") for each in examples(service)}
    assert set(NOT_RUN) <= every
    assert {(service, page) for service, page, _ in DIFFERENT} <= {(service, page) for service, page, _ in every}
