"""The verdicts of iam_cases.jsonl: 150 lines kept here, and the whole file when it lies beside the checkout."""

import json
from pathlib import Path
from typing import Any

import pytest

from .cases import verdict

KEPT = Path(__file__).parent / "cases.jsonl"
WHOLE = Path(__file__).parents[3] / "shared" / "iam_cases.jsonl"


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("case", read(KEPT), ids=lambda case: case["id"])
def test_kept_case(case: dict[str, Any]) -> None:
    assert verdict(case) == case["expected"]


@pytest.mark.skipif(not WHOLE.exists(), reason="no ../shared/iam_cases.jsonl beside this checkout")
def test_whole_file() -> None:
    cases = read(WHOLE)
    wrong = [(case["id"], case["expected"], found) for case in cases if (found := verdict(case)) != case["expected"]]
    assert not wrong
    assert len(cases) >= 900
