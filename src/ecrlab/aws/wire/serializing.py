"""Answers and errors as the protocols write them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from botocore.model import ListShape, MapShape, Shape, StructureShape

from ecrlab.aws.wire.errors import ApiError
from ecrlab.aws.wire.models import Operation, service_model

JSON_TYPE = "application/x-amz-json-1.1"
XML_TYPE = "text/xml"

# The common errors of each protocol and their HTTP status (AWS: "Common Errors" pages of IAM and of ECR).
QUERY_STATUS = {
    "AccessDenied": 403,
    "ExpiredToken": 403,
    "InvalidClientTokenId": 403,
    "MissingAuthenticationToken": 403,
    "SignatureDoesNotMatch": 403,
}
# The name that each protocol gives to the same failure of authentication.
JSON_NAMES = {
    "AccessDenied": "AccessDeniedException",
    "ExpiredToken": "ExpiredTokenException",
    "IncompleteSignature": "IncompleteSignatureException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
}


def serialize(operation: Operation, result: Mapping[str, Any], request_id: str) -> tuple[bytes, str]:
    """Return body and content type of a successful answer. Members that are None are left out."""
    shape = operation.model.output_shape
    if operation.is_json:
        value = _to_json(shape, result) if shape is not None else {}
        return _json_bytes(value), JSON_TYPE
    name = operation.name
    namespace = operation.model.service_model.metadata["xmlNamespace"]
    inner = ""
    if isinstance(shape, StructureShape):
        wrapper = shape.serialization.get("resultWrapper", f"{name}Result")
        inner = f"<{wrapper}>{''.join(_members_xml(shape, result))}</{wrapper}>"
    text = (
        f'<{name}Response xmlns="{namespace}">{inner}'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{name}Response>"
    )
    return text.encode(), XML_TYPE


def _json_bytes(value: Any) -> bytes:
    """Return an answer in UTF-8. A lone surrogate, which a document can hold as an escape, is written as one again."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def _to_json(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        return {
            member.serialization.get("name", name): _to_json(member, value[name])
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
    if isinstance(shape, ListShape):
        return [_to_json(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: _to_json(shape.value, item) for key, item in value.items()}
    if shape.type_name == "timestamp":
        return round(value.timestamp() if isinstance(value, datetime) else float(value), 3)
    if shape.type_name == "blob":
        return base64.b64encode(value).decode()
    return value


def _members_xml(shape: StructureShape, value: Mapping[str, Any]) -> Iterator[str]:
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield _to_xml(member, member.serialization.get("name", name), value[name])


def _to_xml(shape: Shape, tag: str, value: Any) -> str:
    if isinstance(shape, StructureShape):
        return f"<{tag}>{''.join(_members_xml(shape, value))}</{tag}>"
    if isinstance(shape, ListShape):
        return f"<{tag}>{''.join(_to_xml(shape.member, 'member', item) for item in value)}</{tag}>"
    if isinstance(shape, MapShape):
        entries = (
            f"<entry>{_to_xml(shape.key, 'key', k)}{_to_xml(shape.value, 'value', v)}</entry>" for k, v in value.items()
        )
        return f"<{tag}>{''.join(entries)}</{tag}>"
    return f"<{tag}>{_xml_text(shape, value)}</{tag}>"


_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _xml_text(shape: Shape, value: Any) -> str:
    kind = shape.type_name
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "timestamp":
        moment = value if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC)
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if kind == "blob":
        return base64.b64encode(value).decode()
    return escape(_NOT_XML.sub("\ufffd", str(value)), {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"})


def wire_code(operation: Operation | None, code: str, is_json: bool) -> tuple[str, int]:
    """Return the code of an error as the protocol writes it, and its usual HTTP status.

    Query errors carry the error code of the model and its status, JSON errors the name of the shape with status 400.
    """
    if is_json:
        return JSON_NAMES.get(code, code), 400
    modelled = _query_errors(operation.service).get(code) if operation is not None else None
    return modelled or (code, QUERY_STATUS.get(code, 400))


def serialize_error(
    operation: Operation | None, error: ApiError, request_id: str, is_json: bool
) -> tuple[int, bytes, str, dict[str, str]]:
    """Return HTTP status, body, content type and further headers of an error answer."""
    code, status = wire_code(operation, error.code, is_json)
    if is_json:
        body = {"__type": code, "message": error.message, **error.extra}
        return error.status or status, _json_bytes(body), JSON_TYPE, {"x-amzn-ErrorType": code}
    message = escape(_NOT_XML.sub("\ufffd", error.message))
    namespace = "https://webservices.amazon.com/"
    if operation is not None:
        namespace = str(operation.model.service_model.metadata["xmlNamespace"])
    text = (
        f'<ErrorResponse xmlns="{namespace}"><Error><Type>Sender</Type><Code>{escape(code)}</Code>'
        f"<Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return error.status or status, text.encode(), XML_TYPE, {}


@cache
def _query_errors(service: str) -> dict[str, tuple[str, int]]:
    """Map shape names and wire codes of a Query service's errors to (wire code, HTTP status)."""
    result: dict[str, tuple[str, int]] = {}
    for shape in service_model(service).error_shapes:
        details = shape.metadata.get("error", {})
        entry = (str(details.get("code", shape.name)), int(details.get("httpStatusCode", 400)))
        result[shape.name] = result[entry[0]] = entry
    return result
