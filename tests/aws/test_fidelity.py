"""docs/fidelity.md is what the code says."""

from __future__ import annotations

from pathlib import Path

from ecrlab import fidelity
from ecrlab.aws.operations import HANDLERS, SIMPLIFIED
from ecrlab.aws.wire.models import service_model

PAGE = Path(__file__).parents[2] / "docs" / "fidelity.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == fidelity.page(), "run: ecrlab fidelity --write docs/fidelity.md"


def test_every_operation_is_named_once() -> None:
    text = fidelity.page()
    for service in fidelity.SERVICES:
        part = text.partition(f"### {service}: ")[2].partition("\n#")[0]
        words = part.replace(",", " ").replace(".", " ").replace("|", " ").split()
        for name in service_model(service).operation_names:
            assert words.count(name) == 1, (service, name)


def test_what_is_simplified_is_there() -> None:
    assert set(SIMPLIFIED) <= set(HANDLERS)
