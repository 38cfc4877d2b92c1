"""docs/fidelity.md lists exactly what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ecrlab.aws import api
from ecrlab.aws.managed import managed_policies
from ecrlab.aws.operations import HANDLERS
from ecrlab.aws.protocol import service_model

PAGE = Path(__file__).parents[2] / "docs" / "fidelity.md"


@pytest.mark.parametrize("service", ["ecr", "iam", "sts", "cloudtrail"])
def test_the_page_lists_what_is_there(service: str) -> None:
    assert api.SERVICES
    found = re.search(rf"\*\*{service}\*\* \((\d+) of (\d+)\): (.*?)\.\n", PAGE.read_text(), re.DOTALL)
    assert found is not None
    there = {name for owner, name in HANDLERS if owner == service}
    assert set(re.split(r",\s+", found[3])) == there
    assert (int(found[1]), int(found[2])) == (len(there), len(service_model(service).operation_names))


def test_the_number_of_managed_policies() -> None:
    assert f"**AWS-managed policies** ({len(managed_policies())}," in PAGE.read_text()
