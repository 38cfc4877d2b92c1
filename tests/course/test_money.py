"""The price model: its prices are facts, its sums are right, its chart is the same bytes and the same numbers."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ecrlab_course import money
from ecrlab_course.authoring.facts import FactError, facts
from ecrlab_course.checkout import course_root
from ecrlab_course.money import Month, designs, draw, ecr_bill, hub_bill, price, price_list, public_bill
from ecrlab_course.money.prices import FACTS


def test_every_price_is_a_fact_with_a_date_and_says_how_sure_it_is() -> None:
    table = facts(course_root())
    for name, fact in FACTS.items():
        found = price(name)
        assert (found.value, found.seen, found.sure) == (table[fact]["value"], table[fact]["date"], table[fact]["sure"])
        assert found.unit
    text = price_list().text
    assert text.count("second-hand") == sum(price(name).sure == "second-hand" for name in FACTS)
    with pytest.raises(FactError, match="no price called 'gold'"):
        price("gold")


def test_no_price_is_written_in_the_model() -> None:
    """Every number of the module that could be a price: those of facts.toml appear in none of its files."""
    prices = {price(name).value for name in FACTS if price(name).value not in (0, 50, 100)}
    for path in Path(money.__file__).parent.glob("*.py"):
        numbers = {
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, float)
        }
        assert numbers.isdisjoint(prices), path.name


def test_storage_is_what_changed_and_one_image_whole() -> None:
    month = Month(services=5, image_mb=240, changed_mb=6, kept=250)
    assert month.stored_gb == pytest.approx(5 * (240 + 249 * 6) / 1000)
    assert month.nominal_gb == pytest.approx(300)
    assert Month(kept=0).stored_gb == 0
    stored = next(line for line in ecr_bill(month).lines if line.what == "stored")
    assert stored.usd == pytest.approx(month.stored_gb * price("storage").value)


def test_the_archive_takes_versions_and_leaves_one_image_whole() -> None:
    month = Month(services=1, image_mb=100, changed_mb=10, kept=11, archived=10, restored=2)
    assert (month.stored_gb, month.archived_gb) == (pytest.approx(0.1), pytest.approx(0.1))
    both = Month(services=1, image_mb=100, changed_mb=10, kept=11)
    assert both.stored_gb == pytest.approx(month.stored_gb + month.archived_gb)
    gone = Month(services=1, image_mb=100, changed_mb=10, kept=11, archived=11)
    assert (gone.stored_gb, gone.archived_gb) == (0, pytest.approx(0.2))
    lines = {line.what: line.usd for line in ecr_bill(month).lines}
    assert lines["in the archive"] == pytest.approx(0.1 * price("archive").value)
    assert lines["out of the archive"] == pytest.approx(0.2 * price("out of the archive").value)


def test_transfer_costs_by_where_it_goes() -> None:
    month = Month()
    gb = (2000 * 180 + 4000 * 4) / 1000
    assert month.pulled_gb == gb
    stored = ecr_bill(month).low
    assert ecr_bill(month).high == stored
    assert ecr_bill(Month(leaves="to the internet")).low == pytest.approx(stored + gb * price("to the internet").value)
    assert ecr_bill(Month(leaves="through NAT")).low == pytest.approx(stored + gb * price("NAT gateway").value)
    abroad = ecr_bill(Month(leaves="to another Region"))
    assert abroad.low == pytest.approx(stored + gb * price("to another Region").value)
    assert abroad.high == pytest.approx(stored + gb * price("to the internet").value)


def test_a_second_region_keeps_everything_and_gets_every_release_once() -> None:
    month = Month(regions=2)
    lines = {line.what: line for line in ecr_bill(month).lines}
    assert lines["stored"].amount == 2 * month.stored_gb
    assert lines["copied to other Regions"].band == (
        pytest.approx(12 * 30 * 4 / 1000 * price("to another Region").value),
        pytest.approx(12 * 30 * 180 / 1000 * price("to the internet").value),
    )
    assert "2.26 to" not in ecr_bill(month).shown().text


def test_four_designs_and_their_prices() -> None:
    found = designs(Month()).bills
    one, copied, near, twice = (found[name] for name in found)
    assert one.high == pytest.approx(ecr_bill(Month(leaves="to the internet")).low)
    assert copied.low == pytest.approx(ecr_bill(Month(regions=2)).low)
    assert twice.low == twice.high == pytest.approx(2 * ecr_bill(Month()).low)
    assert ecr_bill(Month()).low < near.low < copied.low
    assert "push once, replicate" in repr(designs())


def test_ecr_publics_free_tiers_end_where_the_facts_end() -> None:
    small = Month(leaves="to the internet", new_servers=1000, known_servers=0)
    assert public_bill(small).low == 0
    free = price("ECR Public, out without a login").value
    large = Month(leaves="to the internet", new_servers=4000, known_servers=0)
    over = [line for line in public_bill(large).lines if line.usd is None]
    assert [line.amount for line in over] == [pytest.approx(720 - free)]
    assert "not known here" in public_bill(large).shown().text
    assert [line for line in public_bill(large, signed_in=True).lines if line.usd is None] == []
    stored = Month(services=100, image_mb=1000, kept=1)
    assert public_bill(stored).low == pytest.approx(50 * price("storage").value)


def test_docker_hub_counts_people_and_pulls() -> None:
    assert hub_bill(Month(people=6)).low == 6 * price("Docker Hub, Team").value
    assert "at most 200" in hub_bill(Month(), "Personal").shown().text
    with pytest.raises(ValueError, match="'Business' has no confirmed price"):
        hub_bill(Month(), "Business")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [{"kept": -1}, {"kept": "many"}, {"leaves": "to the moon"}, {"archived": 361}, {"regions": 0}, {"changed_mb": 181}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_cannot_be_an_amount_is_refused_in_a_sentence(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=str(next(iter(wrong)))):
        Month(**wrong)  # type: ignore[arg-type]


def test_the_chart_has_the_same_bytes_in_another_process_and_its_text_the_same_numbers() -> None:
    chart = draw()
    once = chart.svg("light")
    program = "from ecrlab_course.money import draw; print(draw().svg('light'), end='')"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout == once
    assert chart.svg("dark") != once
    assert "date" not in once.lower()
    for paper in ("light", "dark"):
        ElementTree.fromstring(chart.svg(paper))
        sizes = {float(size) for size in re.findall(r"font(?:-size)?: ([\d.]+)px", chart.svg(paper))}
        assert sizes
        assert min(sizes) >= 12
        for curve in chart.curves:
            assert f">{curve.name}</text>" in chart.svg(paper)
    last = chart.text.splitlines()[-1].split()
    assert last[0] == "4,000"
    assert last[1] == f"{ecr_bill(Month(new_servers=4000)).low:.2f}"
    dear = ecr_bill(Month(new_servers=4000, leaves="to another Region"))
    assert last[3] == f"{dear.low:.2f}-{dear.high:.2f}"


def test_a_chart_shows_two_pictures_and_hides_the_dark_one_without_a_style() -> None:
    shown = draw(along="kept", values=(3, 360))._repr_mimebundle_()
    assert shown["text/html"].count("<img") == 2
    assert 'class="ecr-dark" alt=' in shown["text/html"]
    assert ";display:none" in shown["text/html"]
    assert "versions kept of each service" in shown["text/plain"]
    with pytest.raises(ValueError, match="along='colour' is not a number"):
        draw(along="colour")
