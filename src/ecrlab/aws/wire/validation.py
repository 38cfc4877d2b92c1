"""The constraints of the models, and AWS's texts for what does not keep them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from ecrlab.aws.wire.errors import ApiError
from ecrlab.aws.wire.models import Operation

# AWS lists the values of an enum in an order of its own (err 35).
ENUM_ORDER = {
    "ImageTagMutability": ("IMMUTABLE", "MUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"),
}

# What ECR asks of a tag and of a digest beyond its model, as its refusals give them (facts A001, A003).
IMAGE_TAG = "[a-zA-Z0-9-_.]+"
LONGEST_TAG = 300  # as the model has it (facts E014)
IMAGE_DIGEST = "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+"
_BEYOND_THE_MODEL = {"ImageTag": IMAGE_TAG, "ImageDigest": IMAGE_DIGEST}


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
