"""Signed requests with parameters of every wrong kind: never a 5xx, never a fault of the lab."""

from __future__ import annotations

import configparser
import json
import random
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.model import ListShape, MapShape, Shape, StructureShape

from ecrlab.aws import api
from ecrlab.aws.operations import HANDLERS
from ecrlab.aws.wire.models import service_model

ALLOW = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
TEXTS = [
    *("", "a", "app", "ci", "../x", "latest", "*", "/", "v1", "%00", "<x>&", "\x00", "é", "\ud800", "a" * 300),
    *("sha256:" + "0" * 64, "123456789012", "444455556666", "12345678-1234-1234-1234-123456789012", "BLOB_MOUNTING"),
    *(
        "arn:aws:iam::123456789012:role/r",
        "arn:aws:ecr:us-east-1:123456789012:repository/app",
        ALLOW,
        "{",
        "[]",
        "null",
    ),
    '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}',
]
# The fuzzer signs as admin of the partner account, whose only user it must not disarm.
SPARED = {
    "DeleteAccessKey",
    "UpdateAccessKey",
    "UpdateUser",
    "DetachUserPolicy",
    "PutUserPermissionsBoundary",
    "PutUserPolicy",
}


def value(shape: Shape, draw: random.Random, depth: int = 0) -> Any:
    if draw.random() < 0.08:
        return draw.choice([None, 5, -1, 1e308, "x", [], {}, [None], True])
    if isinstance(shape, StructureShape):
        members = shape.members.items() if depth < 5 else ()
        return {name: value(member, draw, depth + 1) for name, member in members if draw.random() < 0.8}
    if isinstance(shape, ListShape):
        return [value(shape.member, draw, depth + 1) for _ in range(draw.choice([0, 1, 1, 2]))]
    if isinstance(shape, MapShape):
        return {draw.choice(TEXTS): value(shape.value, draw, depth + 1)}
    if shape.type_name in ("integer", "long"):
        return draw.choice([0, 1, -1, 10**6, 2**63, 2**70])
    if shape.type_name == "blob":
        return draw.choice(["", "AAAA", "%%%"])
    enum = shape.metadata.get("enum")
    return draw.choice(enum) if enum and draw.random() < 0.7 else draw.choice(TEXTS)


def flat(path: str, given: Any, found: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """The Query protocol's form of a value."""
    if isinstance(given, dict):
        for key, item in given.items():
            flat(f"{path}.{key}" if path else key, item, found)
    elif isinstance(given, list):
        for number, item in enumerate(given, 1):
            flat(f"{path}.member.{number}", item, found)
    elif given is not None:
        found.append((path, str(given).encode("utf-8", "surrogatepass")))
    return found


@pytest.mark.parametrize("count", [600, pytest.param(40_000, marks=pytest.mark.soak)])
@pytest.mark.timeout(600)
def test_nothing_is_ever_a_fault_of_the_lab(lab: Any, count: int) -> None:
    assert api.SERVICES
    draw = random.Random(count)
    parser = configparser.ConfigParser()
    parser.read(lab.home.aws_credentials)
    key = Credentials(parser["partner"]["aws_access_key_id"], parser["partner"]["aws_secret_access_key"])
    operations = sorted(operation for operation in HANDLERS if operation[1] not in SPARED)
    session = requests.Session()
    session.trust_env = False
    url, statuses = f"http://127.0.0.1:{lab.port}/", set()
    for _ in range(count):
        service, name = draw.choice(operations)
        model = service_model(service)
        shape = model.operation_model(name).input_shape
        params = value(shape, draw) if shape is not None else {}
        if service not in ("iam", "sts"):
            body = json.dumps(params).encode()
            headers = {
                "X-Amz-Target": f"{model.metadata['targetPrefix']}.{name}",
                "Content-Type": "application/x-amz-json-1.1",
            }
        else:
            form: list[tuple[str, Any]] = [("Action", name), ("Version", model.metadata["apiVersion"])]
            body = urlencode(form + flat("", params, []) if isinstance(params, dict) else form).encode()
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if draw.random() < 0.05:
            body = body[: draw.randrange(len(body) + 1)]
        request = AWSRequest("POST", url, data=body, headers={"Host": f"127.0.0.1:{lab.port}", **headers})
        SigV4Auth(key, service, "us-east-1").add_auth(request)
        answer = session.post(url, data=body, headers=dict(request.headers), timeout=20)
        statuses.add(answer.status_code)
        assert answer.status_code < 500, (service, name, body)
        assert "InternalFailure" not in answer.text, (service, name, body)
    session.close()
    assert {200, 400, 404} <= statuses
