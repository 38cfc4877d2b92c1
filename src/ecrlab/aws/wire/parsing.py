"""The parameters of a request as Python values, by the input shape of its operation."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from botocore.model import ListShape, MapShape, Shape, StructureShape

from ecrlab.aws.wire.errors import ApiError
from ecrlab.aws.wire.models import Operation


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
