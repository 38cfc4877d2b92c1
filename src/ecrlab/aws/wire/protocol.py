"""AWS wire protocols, driven by botocore's models: JSON 1.1 (ecr, ecr-public, cloudtrail, ecs), Query (iam, sts).

One request goes through four steps: `identify` finds the service and the operation without reading parameters,
`parse` turns the body into Python values by the input shape, `validate` checks every constraint of the model and
answers with AWS's texts, `serialize` (or `serialize_error`) writes the answer by the output shape.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from ecrlab.aws.wire.errors import ApiError

SERVICES = ("ecr", "ecr-public", "iam", "sts", "cloudtrail", "ecs")
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
# AWS lists the values of an enum in an order of its own (err 35).
ENUM_ORDER = {
    "ImageTagMutability": ("IMMUTABLE", "MUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"),
}

# What ECR asks of a tag and of a digest beyond its model, as its refusals give them (facts A001, A003).
IMAGE_TAG = "[a-zA-Z0-9-_.]+"
LONGEST_TAG = 300  # as the model has it (facts E014)
IMAGE_DIGEST = "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+"
_BEYOND_THE_MODEL = {"ImageTag": IMAGE_TAG, "ImageDigest": IMAGE_DIGEST}


@dataclass(frozen=True)
class Operation:
    """One operation of one service, found in a request."""

    service: str
    name: str
    model: OperationModel

    @property
    def is_json(self) -> bool:
        """Whether the service speaks JSON 1.1 (else Query)."""
        return self.service not in ("iam", "sts")


@cache
def service_model(service: str) -> ServiceModel:
    """Return botocore's newest model of ``service``, one of `SERVICES`."""
    # botocore has no types; what it gives is a dict in the form of its models.
    model: Any = Loader()  # type: ignore[no-untyped-call]
    return ServiceModel(model.load_service_model(service, "service-2"), service)  # type: ignore[no-untyped-call]


@cache
def _service_of(prefix: str) -> str | None:
    """The JSON service of a target's prefix. The models are read in the order of `SERVICES`, as far as is needed."""
    json_services = (service for service in SERVICES if service not in ("iam", "sts"))
    return next((each for each in json_services if service_model(each).metadata["targetPrefix"] == prefix), None)


@cache
def _versions() -> dict[str, str]:
    return {str(service_model(s).metadata["apiVersion"]): s for s in ("iam", "sts")}


@cache
def find(service: str, name: str) -> Operation | None:
    """Return the operation ``name`` of ``service``, or None when the model has no such operation."""
    model = service_model(service)
    return Operation(service, name, model.operation_model(name)) if name in model.operation_names else None


def identify(target: str | None, body: bytes) -> Operation:
    """Return the operation that a POST names in its ``X-Amz-Target`` header (JSON) or in its form ``body`` (Query).

    Raises ApiError: UnknownOperationException (JSON), InvalidAction or MissingAction (Query). All are answered with a
    4xx, because clients repeat a request that was answered with a 5xx.
    """
    if target:
        prefix, _, name = target.rpartition(".")
        service = _service_of(prefix)
        operation = find(service, name) if service else None
        if operation is None:
            raise ApiError("UnknownOperationException", f"ECR Lab knows no operation {target}.")
        return operation
    form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)) if len(body) < 1_000_000 else {}
    name, version = form.get("Action", ""), form.get("Version", "")
    if not name:
        raise ApiError("MissingAction", "The request names no operation: no X-Amz-Target header and no Action.")
    service = _versions().get(version)
    operation = find(service, name) if service else None
    if operation is None:
        raise ApiError(
            "InvalidAction", f"Could not find operation {name} for version {version or 'NO_VERSION_SPECIFIED'}"
        )
    return operation


# ---------------------------------------------------------------------------------------------------------------- parse


def parse(operation: Operation, body: bytes) -> dict[str, Any]:
    """Return the parameters of a request by the input shape: numbers, datetimes (aware) and bytes already converted.

    Unknown members are ignored, as AWS does. Raises ApiError: SerializationException (JSON) or MalformedInput (Query).
    """
    shape = operation.model.input_shape
    if shape is None:
        return {}
    if operation.is_json:
        try:
            value = json.loads(body or b"{}")
        except (ValueError, RecursionError) as error:
            raise ApiError("SerializationException", "The request body is not valid JSON.") from error
        result = _from_json(shape, value, "")
        return result if isinstance(result, dict) else {}
    tree = _form_tree(body)
    result = _from_form(shape, tree)
    return result if isinstance(result, dict) else {}


_TOKENS = {
    dict: "START_OBJECT",
    list: "START_ARRAY",
    str: "STRING_VALUE",
    bool: "TRUE_VALUE",
    int: "NUMBER_VALUE",
    float: "NUMBER_VALUE",
}
_KINDS = {
    "structure": (dict, "Object"),
    "map": (dict, "Map"),
    "list": (list, "List"),
    "string": (str, "String"),
    "character": (str, "String"),
    "boolean": (bool, "Boolean"),
    "blob": (str, "ByteBuffer"),
    "integer": (int, "Integer"),
    "long": (int, "Long"),
    "float": (float, "Float"),
    "double": (float, "Double"),
}


#: Numbers beyond these are none of their kind; in which words AWS says so was not looked up.
_BITS = {"integer": 31, "long": 63}


def _from_json(shape: Shape, value: Any, where: str) -> Any:
    if value is None:
        return None
    kind = shape.type_name
    if kind == "timestamp":
        return _timestamp(value)
    wanted, title = _KINDS[kind]
    fits = isinstance(value, wanted) and not (wanted is int and isinstance(value, bool))
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        fits = True
    if fits and kind in _BITS:
        fits = -(1 << _BITS[kind]) <= value < 1 << _BITS[kind]
    if not fits:
        token = "FALSE_VALUE" if value is False else _TOKENS.get(type(value), "VALUE")
        raise ApiError(
            "SerializationException", f"{token} can not be converted to {'an' if title[0] in 'IO' else 'a'} {title}"
        )
    if isinstance(shape, StructureShape):
        members = shape.members
        return {
            name: parsed
            for name, member in members.items()
            if (parsed := _from_json(member, value.get(member.serialization.get("name", name)), name)) is not None
        }
    if isinstance(shape, ListShape):
        return [_from_json(shape.member, item, where) for item in value]
    if isinstance(shape, MapShape):
        return {key: _from_json(shape.value, item, where) for key, item in value.items()}
    if kind == "blob":
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ApiError("SerializationException", "Invalid base64 in a binary value.") from error
    if kind == "string" and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ApiError("SerializationException", "A string is not valid Unicode.") from error
    return value


def _timestamp(value: Any) -> datetime:
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        moment = datetime.fromisoformat(str(value))
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ApiError("SerializationException", "A timestamp is neither epoch seconds nor ISO 8601.") from error


def _form_tree(body: bytes) -> dict[str, Any]:
    """Turn ``Tags.member.1.Key=a`` into nested dicts; the leaf of a path is a string."""
    root: dict[str, Any] = {}
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=10_000)
    except ValueError as error:
        raise ApiError("MalformedInput", "The form in the request body is malformed.", 400) from error
    for key, value in pairs:
        node = root
        parts = key.split(".")
        if len(parts) > 12:
            raise ApiError("MalformedInput", "The form in the request body is nested too deeply.", 400)
        for part in parts[:-1]:
            below = node.setdefault(part, {})
            if not isinstance(below, dict):
                below = node[part] = {}
            node = below
        node[parts[-1]] = value
    return root


def _from_form(shape: Shape, node: Any) -> Any:
    if isinstance(shape, StructureShape):
        if not isinstance(node, dict):
            return {}
        result = {}
        for name, member in shape.members.items():
            key = member.serialization.get("name", name)
            if key in node:
                result[name] = _from_form(member, node[key])
        return result
    if isinstance(shape, ListShape):
        # An empty list is written "Name=" by clients.
        items = node.get("member", node) if isinstance(node, dict) else {}
        return [_from_form(shape.member, items[key]) for key in _numbered(items)]
    if isinstance(shape, MapShape):
        items = node.get("entry", node) if isinstance(node, dict) else {}
        return {
            str(items[key].get("key", "")): _from_form(shape.value, items[key].get("value", ""))
            for key in _numbered(items)
            if isinstance(items[key], dict)
        }
    if isinstance(node, dict):
        raise ApiError("MalformedInput", "A simple value was expected where the form has a structure.", 400)
    kind = shape.type_name
    try:
        if kind in ("integer", "long"):
            return int(node)
        if kind in ("float", "double"):
            return float(node)
        if kind == "boolean":
            return {"true": True, "false": False}[node.lower()]
        if kind == "blob":
            return base64.b64decode(node, validate=True)
    except (ValueError, KeyError) as error:
        raise ApiError("MalformedInput", f"A value of type {kind} was expected.", 400) from error
    return _timestamp(node) if kind == "timestamp" else node


def _numbered(items: Any) -> list[str]:
    return sorted((key for key in items if key.isdecimal()), key=int) if isinstance(items, dict) else []


# ------------------------------------------------------------------------------------------------------------- validate


def validate(operation: Operation, params: Mapping[str, Any]) -> None:
    """Check ``params`` against every constraint of the model: required, length, range, pattern, enum.

    Raises ApiError with the text of the service: InvalidParameterException for ECR (err 31 and 35),
    ValidationError for IAM and STS, which count and list all violations.
    """
    shape = operation.model.input_shape
    if not isinstance(shape, StructureShape):
        return
    if operation.is_json:
        for path, _, constraint in chain(
            _violations(shape, params, ""), _of_images(operation, shape, params), _together(params)
        ):
            raise ApiError(
                "InvalidParameterException",
                f"Invalid parameter at '{path}' failed to satisfy constraint: '{constraint}'",
            )
        return
    found = [
        f"Value {_quoted(value)} at '{path}' failed to satisfy constraint: {constraint}"
        for path, value, constraint in _violations(shape, params, "", query=True)
    ]
    if found:
        count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected: "
        raise ApiError("ValidationError", count + "; ".join(found), 400)


def fits(pattern: str, text: str) -> bool:
    """Tell whether the whole of ``text`` is of a pattern of the models, or of `IMAGE_TAG` or `IMAGE_DIGEST`."""
    return _compiled(pattern).fullmatch(text) is not None


def _together(params: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    """Yield the parameters of a page that are given with what is asked for by name.

    The models of DescribeImages, DescribeRepositories and GetLifecyclePolicyPreview say that they cannot be used
    together (facts A007); the text is theirs, as the refusal's was not seen.
    """
    for named, what in (("imageIds", "images"), ("repositoryNames", "repositories")):
        for member in ("nextToken", "maxResults"):
            if params.get(named) and params.get(member) is not None:
                text = f"This option cannot be used when you specify {what} with {named}"
                yield member, params[member], text


def _of_images(operation: Operation, shape: Shape, value: Any) -> Iterator[tuple[str, Any, str]]:
    """Yield the tags and digests that ECR refuses although its model has them.

    They are named without their place in a list: DescribeImages says 'imageTag' (https://github.com/datawire/forge/issues/99,
    2017) and 'imageDigest' (https://github.com/pulumi/pulumi-aws/issues/2466, 2023). What can fail for each image by
    itself says so in its answer instead (facts A001).
    """
    answer = operation.model.output_shape
    if isinstance(answer, StructureShape) and "failures" in answer.members:
        return
    for member, each in _images(shape, value):
        pattern = _BEYOND_THE_MODEL[member.name]
        if not fits(pattern, each):
            yield member.name[:1].lower() + member.name[1:], each, f"must satisfy regular expression '{pattern}'"


def _images(shape: Shape, value: Any) -> Iterator[tuple[Shape, str]]:
    """Yield every tag and digest of an image among the parameters, with its shape."""
    if shape.name in _BEYOND_THE_MODEL:
        yield shape, value
    elif isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _images(member, value[name])
    elif isinstance(shape, ListShape):
        for each in value:
            yield from _images(shape.member, each)


def _quoted(value: Any) -> str:
    return "null" if value is None else f"'{value}'"


def _violations(shape: Shape, value: Any, path: str, query: bool = False) -> Iterator[tuple[str, Any, str]]:
    if value is None:  # only JSON can say null: inside a list or a map
        yield path, None, "Member must not be null"
        return
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            # IAM's messages write members in lower camel case, though the wire uses upper camel case.
            shown = name[:1].lower() + name[1:] if query else name
            below = f"{path}.{shown}" if path else shown
            if value.get(name) is not None:
                yield from _violations(member, value[name], below, query)
            elif name in shape.required_members:
                yield below, None, "Member must not be null"
        return
    if isinstance(shape, ListShape):
        yield from _bounds(shape, len(value), value, path, "length")
        for index, item in enumerate(value, 1):
            yield from _violations(shape.member, item, f"{path}.{index}.member", query)
        return
    if isinstance(shape, MapShape):
        yield from _bounds(shape, len(value), value, path, "length")
        for key, item in value.items():
            yield from _violations(shape.key, key, f"{path}.{key}.key", query)
            yield from _violations(shape.value, item, f"{path}.{key}.value", query)
        return
    kind = shape.type_name
    if kind in ("string", "blob"):
        before = list(_bounds(shape, len(value), value, path, "length"))
        yield from before
        if kind == "string" and not (before and len(value) > 100_000):
            enum = shape.metadata.get("enum")
            if enum and value not in enum:
                names = ENUM_ORDER.get(shape.name, enum)
                yield path, value, f"Member must satisfy enum value set: [{', '.join(names)}]"
            pattern = _pattern_text(shape)
            if pattern and not fits(pattern, value):
                text = (
                    f"Member must satisfy regular expression pattern: {pattern}"
                    if query
                    else f"must satisfy regular expression '{pattern}'"
                )
                yield path, value, text
    elif kind in ("integer", "long", "float", "double"):
        yield from _bounds(shape, value, value, path, "value")


def _bounds(shape: Shape, size: float, value: Any, path: str, what: str) -> Iterator[tuple[str, Any, str]]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        yield path, value, f"Member must have {what} greater than or equal to {low}"
    if high is not None and size > high:
        yield path, value, f"Member must have {what} less than or equal to {high}"


def _pattern_text(shape: Shape) -> str | None:
    # botocore keeps patterns out of `metadata`; the raw model has them.
    pattern = shape._shape_model.get("pattern")
    return str(pattern) if pattern else None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    r"""Compile a Java pattern of the models.

    ``\p{L}\p{N}`` becomes Unicode ``\w``; all models use them together and with ``_``. ``\p{Z}`` becomes the Unicode
    separators. Astral ranges are written with surrogates or five digits there.
    """
    unicode_classes = r"\p{" in pattern
    text = pattern.replace(r"\p{L}", r"\w").replace(r"\p{N}", "")
    text = text.replace(r"\p{Z}", "\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000")
    text = text.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF").replace(
        r"\u10000-\u10FFFF", r"\U00010000-\U0010FFFF"
    )
    return re.compile(text, 0 if unicode_classes else re.ASCII)


# ------------------------------------------------------------------------------------------------------------ serialize


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
