"""What a class on Kubernetes needs: worked out right, and said."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from ecrlab_course.class_sizes import (
    ALONE_SECONDS,
    LESSON_SECONDS,
    REQUEST_MB,
    SPARE,
    START_SECONDS,
    WITHIN,
    Node,
    size_of,
)
from ecrlab_course.classroom.commands import class_group


@pytest.mark.parametrize(
    ("node", "decides", "each"),
    [
        (Node(8, 64), "processors", 71),  # 8 x 60 s / 6.7 s
        (Node(16, 32), "memory", 71),  # 28 GB / 400 MB
        (Node(2, 32), "processor requests", 15),  # 1.5 / 0.1
        (Node(8, 32, pods=58), "pods", 48),
        (Node(64, 256), "pods", 100),
        (Node(64, 256, pods=250), "pods", 240),
    ],
)
def test_what_is_used_up_first_decides(node: Node, decides: str, each: int) -> None:
    found = size_of(1000, node)
    assert (found.decides, found.each) == (decides, each)
    # All have room, placeholders too, and one node fewer would not do.
    asked = found.learners + found.placeholders
    assert found.nodes * each >= asked > (found.nodes - 1) * each
    assert each * REQUEST_MB <= node.memory_gb * 1024 * 7 / 8
    assert each * LESSON_SECONDS <= node.processors * WITHIN


def test_more_learners_never_need_less() -> None:
    found = [size_of(number) for number in range(1, 1500, 7)]
    assert [each.nodes for each in found] == sorted(each.nodes for each in found)
    for each in found:
        assert each.placeholders >= each.learners * SPARE
        assert each.lesson_seconds <= WITHIN
        assert each.node_hours(8) == 8 * (each.nodes + 1)
    assert (found[0].nodes, found[0].placeholders) == (1, 1)


def test_who_logs_in_waits_for_the_processors_or_for_the_hub_s_limit() -> None:
    bound = size_of(300)
    assert bound.log_in_seconds == pytest.approx(300 * START_SECONDS / (bound.nodes * 8))
    # Ten waves of a hundred, each as long as a start alone.
    assert size_of(1000).log_in_seconds == pytest.approx(10 * ALONE_SECONDS)


def test_the_command_says_it_and_multiplies_with_the_reader_s_own_price() -> None:
    def said(*words: str, code: int = 0) -> str:
        answer = CliRunner().invoke(class_group, ["size", *words])
        assert answer.exit_code == code, answer.output
        return answer.output

    text = said("1000")
    assert "1000 learners: 16 nodes of 8 processors and 32 GB" in text
    assert "136 node-hours in 8 h" in text
    assert "cost" not in text
    assert "1000 learners: 23 nodes" in said("1000", "--pods", "58")
    assert "272.00; 0.27 per learner" in said("1000", "--price", "2")
    assert "544.00" in said("1000", "--price", "2", "--hours", "16")


def test_a_node_without_room_is_an_error() -> None:
    with pytest.raises(ValueError, match="memory"):
        size_of(10, Node(8, 0.3))
