"""The operations of the lab's services by botocore's models, and which one a request names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from ecrlab.aws.wire.errors import ApiError

SERVICES = ("ecr", "ecr-public", "iam", "sts", "cloudtrail", "ecs")


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
