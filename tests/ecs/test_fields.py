"""Each input member of an operation is used, kept or refused: none was overlooked, and none is in two lists."""

from __future__ import annotations

import pytest

from ecrlab.aws.ecs import fields
from ecrlab.aws.operations import HANDLERS
from ecrlab.aws.wire.models import service_model


def test_every_operation_that_is_there_has_its_fields() -> None:
    assert {name for service, name in HANDLERS if service == "ecs"} == set(fields.OPERATIONS)


@pytest.mark.parametrize(
    ("shape", "known"),
    [
        *((f"{name}Request", known) for name, known in fields.OPERATIONS.items()),
        ("ContainerDefinition", fields.CONTAINER),
        ("TaskOverride", fields.OVERRIDES),
        ("ContainerOverride", fields.CONTAINER_OVERRIDES),
        ("DeploymentConfiguration", fields.DEPLOYMENT),
    ],
)
def test_the_model_has_exactly_the_members_of_the_three_lists(shape: str, known: fields.Fields) -> None:
    members = set(service_model("ecs").shape_for(shape).members)  # type: ignore[attr-defined]
    assert known.used | known.kept | known.refused == members
    assert len(known.used) + len(known.kept) + len(known.refused) == len(members)
