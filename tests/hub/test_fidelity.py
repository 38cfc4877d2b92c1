"""docs/fidelity.md says of the hub what `ecrlab.hub.differences` does, and lists the operations that are there."""

from __future__ import annotations

import re
from pathlib import Path

from ecrlab.clock import Clock
from ecrlab.hub import differences
from ecrlab.hub.hub import Hub
from ecrlab.store import Store
from ecrlab.xray import XRay

PAGE = Path(__file__).parents[2] / "docs" / "fidelity.md"


def section() -> str:
    text = PAGE.read_text(encoding="utf-8").partition("\n## Docker-Hub-like registry\n")[2].partition("\n## ")[0]
    assert text
    return " ".join(text.split())


def test_the_page_has_every_difference_and_every_choice() -> None:
    page = section()
    for here, there in differences.DIFFERENCES:
        assert f"| {here} | {there} |" in page
    for text in (*differences.CHOICES, *(f"`{operation}`" for operation in differences.API)):
        assert f"- {text}" in page
    for operation, why in differences.API_BEYOND:
        assert f"- `{operation}` {why}" in page
    rows = re.findall(r"^\| .* \|$", PAGE.read_text(encoding="utf-8").partition("| at Docker Hub |")[2], re.M)
    assert len(rows) == len(differences.DIFFERENCES), "a row that the module does not have"


async def test_the_listed_operations_are_those_that_are_there(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        hub = Hub(store, Clock(store), XRay(), lambda: (b"", "amd64"))
        there = {f"{method} {re.sub('{(.*?)}', lambda word: word[1].upper(), path)}" for method, path in hub.operations}
        hub.close()
    listed = [*differences.API, *(operation for operation, _ in differences.API_BEYOND)]
    assert set(listed) == there
    assert len(listed) == len(there)
