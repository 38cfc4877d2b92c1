"""Lesson 07: how often a script was refused, whatever its engine does by itself."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest

from ecrlab_course.authoring.content import Course

pytestmark = pytest.mark.lesson("07")

DAY_1, DAY_2 = "/v2/shop/night/manifests/day-1", "/v2/shop/night/manifests/day-2"
LOOK = ("HEAD", "/v2/shop/night/blobs/sha256:0", 200)
CASES: dict[str, tuple[Sequence[tuple[str, str, int]], int]] = {
    "each with its looks": ([LOOK, ("PUT", DAY_1, 429), LOOK, ("PUT", DAY_1, 429), LOOK, ("PUT", DAY_1, 201)], 2),
    "the engine's own six": ([LOOK, *6 * [("PUT", DAY_1, 429)], LOOK, ("PUT", DAY_1, 201)], 1),
    "a seventh is another try": ([LOOK, *7 * [("PUT", DAY_1, 429)]], 2),
    "two pushes at once": ([LOOK, LOOK, *6 * [("PUT", DAY_1, 429), ("PUT", DAY_2, 429)]], 2),
    "another push gets through": ([LOOK, ("PUT", DAY_1, 429), ("PUT", DAY_2, 201), ("PUT", DAY_1, 429)], 1),
    "ECR's API, asked again and again": (3 * [("POST", "/", 400)], 3),
}


@pytest.mark.parametrize(("asked", "expected"), CASES.values(), ids=CASES)
def test_what_an_engine_repeats_by_itself_is_one_refusal(
    the_course: Course, asked: Sequence[tuple[str, str, int]], expected: int
) -> None:
    assert the_course.sources["07"].exercises["07-e4"].id == "07-e4"  # loads its module
    judged = sys.modules["ecrlab_lessons_07_elastic.e4"]
    rows = [
        {"method": method, "path": path, "status": status, "operation": "PutImage" if method == "POST" else method}
        for method, path, status in asked
    ]
    refused = [row for row in rows if row["status"] in (400, 429)]
    assert judged.refusals(rows, refused) == expected
