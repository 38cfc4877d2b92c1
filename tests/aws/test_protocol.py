"""The wire protocols, held against botocore: what its clients write we read, and what we write they read."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from ecrlab.aws.wire.errors import ApiError
from ecrlab.aws.wire.models import SERVICES, Operation, find, identify, service_model
from ecrlab.aws.wire.parsing import parse
from ecrlab.aws.wire.serializing import serialize, serialize_error
from ecrlab.aws.wire.validation import validate

MOMENT = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


def sample(shape: Shape, depth: int = 0) -> Any:
    """A value of a shape, with every member down to a depth."""
    if isinstance(shape, StructureShape):
        if depth > 4 and not shape.is_tagged_union:  # of a union one member is always there
            return {}
        members = list(shape.members.items())
        return {name: sample(member, depth + 1) for name, member in (members[:1] if shape.is_tagged_union else members)}
    if isinstance(shape, ListShape):
        return [sample(shape.member, depth + 1), sample(shape.member, depth + 1)]
    if isinstance(shape, MapShape):
        return {"key<&": sample(shape.value, depth + 1)}
    kind = shape.type_name
    if kind == "string":
        return shape.enum[0] if shape.enum else "text <&é'\" +%"
    return {"boolean": True, "blob": b"\x00bytes", "timestamp": MOMENT, "float": 1.5, "double": 1.5}.get(kind, 7)


def operation(service: str, name: str) -> Operation:
    found = find(service, name)
    assert found is not None
    return found


def wire(service: str, name: str, params: dict[str, Any]) -> tuple[str | None, bytes]:
    """What a client sends: the target header and the body."""
    model = service_model(service)
    request = create_serializer(model.metadata["protocol"], False).serialize_to_request(
        params, model.operation_model(name)
    )
    body = request["body"]
    raw = urlencode(body).encode() if isinstance(body, dict) else body
    return request["headers"].get("X-Amz-Target"), raw.encode() if isinstance(raw, str) else raw


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_is_read_as_it_was_meant(service: str) -> None:
    for name in service_model(service).operation_names:
        found = operation(service, name)
        params = sample(found.model.input_shape) if found.model.input_shape else {}
        target, body = wire(service, name, params)
        assert identify(target, body) == found
        assert parse(found, body) == _without_empty(params) or not found.is_json or parse(found, body) == params, name


def _without_empty(value: Any) -> Any:
    """The Query protocol drops empty structures."""
    if isinstance(value, dict):
        return {key: _without_empty(item) for key, item in value.items()}
    return [_without_empty(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("service", SERVICES)
def test_every_answer_is_understood(service: str) -> None:
    model = service_model(service)
    parser = create_parser(model.metadata["protocol"])
    for name in model.operation_names:
        found = operation(service, name)
        shape = found.model.output_shape
        result = sample(shape) if shape else {}
        body, content_type = serialize(found, result, "request-1")
        headers = {"Content-Type": content_type, "x-amzn-requestid": "request-1"}
        answer = parser.parse({"body": body, "headers": headers, "status_code": 200}, shape)
        metadata = answer.pop("ResponseMetadata")
        assert answer == result, name
        assert metadata["RequestId"] == "request-1"


@pytest.mark.parametrize("service", SERVICES)
def test_boto3_speaks_the_protocol_that_we_read(service: str) -> None:
    session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
    client = session.client(service)
    assert client.meta.service_model.resolved_protocol == ("query" if service in ("iam", "sts") else "json")


def test_unknown_operations_are_a_client_error() -> None:
    with pytest.raises(ApiError, match="knows no operation") as caught:
        identify("AmazonEC2ContainerRegistry_V20150921.Frobnicate", b"{}")
    assert serialize_error(None, caught.value, "1", is_json=True)[0] == 400
    with pytest.raises(ApiError, match="Could not find operation Frobnicate for version 2010-05-08") as caught:
        identify(None, b"Action=Frobnicate&Version=2010-05-08")
    assert caught.value.code == "InvalidAction"
    with pytest.raises(ApiError) as caught:
        identify(None, b"")
    assert caught.value.code == "MissingAction"


REPOSITORY_PATTERN = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({}, "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'Member must not be null'"),
        (
            {"repositoryName": "Bad"},
            "Invalid parameter at 'repositoryName' failed to satisfy constraint: "
            f"'must satisfy regular expression '{REPOSITORY_PATTERN}''",
        ),
        (
            {"repositoryName": "a"},
            "Invalid parameter at 'repositoryName' failed to satisfy constraint: "
            "'Member must have length greater than or equal to 2'",
        ),
        (
            {"repositoryName": "a" * 257},
            "Invalid parameter at 'repositoryName' failed to satisfy constraint: "
            "'Member must have length less than or equal to 256'",
        ),
        (
            {"repositoryName": "good", "imageTagMutability": "SOMETIMES"},
            "Invalid parameter at 'imageTagMutability' failed to satisfy constraint: 'Member must satisfy enum value "
            "set: [IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION]'",
        ),
        (
            {"repositoryName": "good", "tags": [None]},
            "Invalid parameter at 'tags.1.member' failed to satisfy constraint: 'Member must not be null'",
        ),
        ({"repositoryName": "good", "tags": [{"Key": "k", "Value": "v"}]}, None),
    ],
)
def test_ecr_validates_with_aws_texts(params: dict[str, Any], text: str | None) -> None:
    found = operation("ecr", "CreateRepository")
    if text is None:
        validate(found, parse(found, json.dumps(params).encode()))
        return
    with pytest.raises(ApiError) as caught:
        validate(found, parse(found, json.dumps(params).encode()))
    assert caught.value.code == "InvalidParameterException"
    assert caught.value.message == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('{"repositoryName": 5}', "NUMBER_VALUE can not be converted to a String"),
        ('{"repositoryName": {"a": 1}}', "START_OBJECT can not be converted to a String"),
        ('{"repositoryName": "good", "tags": "x"}', "STRING_VALUE can not be converted to a List"),
        ("{", "not valid JSON"),
        ("[]", "START_ARRAY can not be converted to an Object"),
        ("[" * 100_000, "not valid JSON"),
        ('{"repositoryName": "\\ud800"}', "not valid Unicode"),
    ],
)
def test_json_of_the_wrong_shape(body: str, text: str) -> None:
    with pytest.raises(ApiError, match=text) as caught:
        parse(operation("ecr", "CreateRepository"), body.encode())
    assert caught.value.code == "SerializationException"


def test_iam_lists_every_violation() -> None:
    found = operation("iam", "PutUserPolicy")
    with pytest.raises(ApiError) as caught:
        validate(found, parse(found, urlencode({"UserName": "a b", "PolicyName": "p" * 129}).encode()))
    assert caught.value.code == "ValidationError"
    assert caught.value.message == (
        "3 validation errors detected: Value 'a b' at 'userName' failed to satisfy constraint: Member must satisfy "
        r"regular expression pattern: [\w+=,.@-]+; "
        f"Value '{'p' * 129}' at 'policyName' failed to satisfy constraint: Member must have length less than or equal "
        "to 128; Value null at 'policyDocument' failed to satisfy constraint: Member must not be null"
    )


def test_java_patterns_compile_and_hold() -> None:
    from ecrlab.aws.wire.validation import _compiled

    patterns = {
        pattern
        for service in SERVICES
        for name in service_model(service).shape_names
        if (pattern := service_model(service).shape_for(name)._shape_model.get("pattern"))
    }
    assert len(patterns) > 40
    for pattern in patterns:
        _compiled(pattern)
    tag = _compiled(r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+")
    assert tag.fullmatch("équipe 1/Ж")
    assert not tag.fullmatch("a*b")
    assert not _compiled(r"[\w]+").fullmatch("é")
    assert _compiled(
        "[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u0085\\u00A0-\\uD7FF\\uE000-\\uFFFD\\u10000-\\u10FFFF]+"
    ).fullmatch("😀")


def test_errors_of_both_protocols() -> None:
    refusal = ApiError("AccessDenied", "User: <x> is not authorized")
    status, body, content_type, headers = serialize_error(operation("ecr", "ListImages"), refusal, "1", is_json=True)
    assert (status, content_type) == (400, "application/x-amz-json-1.1")
    assert json.loads(body) == {"__type": "AccessDeniedException", "message": "User: <x> is not authorized"}
    assert headers == {"x-amzn-ErrorType": "AccessDeniedException"}
    status, body, content_type, _ = serialize_error(operation("iam", "GetUser"), refusal, "1", is_json=False)
    assert (status, content_type) == (403, "text/xml")
    assert b"<Code>AccessDenied</Code><Message>User: &lt;x&gt; is not authorized</Message>" in body
    missing = ApiError("NoSuchEntityException", "gone")
    status, body, _, _ = serialize_error(operation("iam", "GetUser"), missing, "1", is_json=False)
    assert status == 404
    assert b"<Code>NoSuchEntity</Code>" in body


def test_bytes_and_times_on_the_wire() -> None:
    found = operation("ecr", "UploadLayerPart")
    body = {"repositoryName": "good", "uploadId": "u", "partFirstByte": 0, "partLastByte": 2}
    data = base64.b64encode(b"\x00\xff\x01").decode()
    assert parse(found, json.dumps({**body, "layerPartBlob": data}).encode())["layerPartBlob"] == b"\x00\xff\x01"
    with pytest.raises(ApiError, match="base64"):
        parse(found, json.dumps({**body, "layerPartBlob": "%%%"}).encode())
