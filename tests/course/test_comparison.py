"""The table that fills itself: what fills a cell, what does not, and that it stays."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from ecrlab.home import Home
from ecrlab_course.authoring.content import Course, course
from ecrlab_course.authoring.wire import at_public
from ecrlab_course.learner.comparison import Comparison, answers, words
from ecrlab_course.learner.proofs import PROOFS
from ecrlab_course.learner.session import Session
from ecrlab_course.progress import Progress
from ecrlab_course.toolbox.hub_client import manifest, push
from ecrlab_course.toolbox.image import image, push_image
from ecrlab_course.toolbox.lab import Lab
from ecrlab_course.views import comparison as drawing

from .conftest import furnished

OPEN = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",'
    ' "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}]}'
)


@pytest.fixture
def session(running: Home, tmp_path: Path, the_course: Course) -> Session:
    lab = furnished(running, tmp_path, the_course)
    lab.hub.reset()
    lab.clear("map")
    made = Session(lab, Progress(tmp_path / "progress.json"), the_course, lab.folder)
    made.comparison.update()
    return made


def shown(session: Session) -> dict[str, list[str]]:
    session.comparison.update()
    return {
        f"{line.id}.{side}": [each.words for each in cell.shown]
        for line in session.comparison.lines()
        for side, cell in zip(("hub", "ecr"), line.cells, strict=True)
        if cell.shown
    }


def test_each_cell_has_words_for_what_its_function_yields() -> None:
    table = words(course().root)
    for cell in PROOFS:
        row, _, side = cell.partition(".")
        assert answers(table[row][side]), cell
    for name, row in table.items():
        for side in ("hub", "ecr"):
            cell = f"{name}.{side}"
            assert (cell in PROOFS) == bool(answers(row[side])), cell
            assert set(row[side]) - {"facts"}, cell


def test_a_push_that_makes_a_repository_and_a_stranger_fill_their_cells(session: Session) -> None:
    assert shown(session) == {}
    push(session.lab.hub, "learner/chart", "1")
    assert set(shown(session)) == {"creates.hub"}
    manifest(session.lab.hub, "learner/chart", "1")
    found = shown(session)
    assert found["minute-after.hub"] == ["everybody"]
    assert found["world.hub"] == ["yes, the same registry"]


def test_what_the_lab_does_itself_fills_nothing(session: Session) -> None:
    with session._by_the_course():
        push(session.lab.hub, "learner/chart", "1")
        manifest(session.lab.hub, "learner/chart", "1")
    session.lab.hub.private("learner/chart")
    session.lab.looking().client("ecr").get_authorization_token()
    assert shown(session) == {}


def test_a_setting_alone_shows_nothing_and_a_later_proof_stands_above_the_earlier(session: Session) -> None:
    hub = session.lab.hub
    push(hub, "learner/chart", "1")
    hub.api("PATCH", "/v2/repositories/learner/chart", {"is_private": True}, user="learner")
    assert "changes.hub" not in shown(session)
    manifest(hub, "learner/chart", "1")
    assert shown(session)["changes.hub"] == ["yes: a setting; now only who may"]
    hub.api("PATCH", "/v2/repositories/learner/chart", {"is_private": False}, user="learner")
    manifest(hub, "learner/chart", "1")
    assert shown(session)["changes.hub"] == ["yes: a setting; now everybody", "yes: a setting; now only who may"]


def test_a_stranger_at_ecr_needs_an_open_policy_and_a_public_pull_for_row_three(session: Session) -> None:
    lab = session.lab
    ecr = lab.client("ecr")
    ecr.create_repository(repositoryName="map")
    lab.push("map", "1")
    lab.sh('curl -s -A docker/1 "http://${REGISTRY%%/*}/v2/" >/dev/null')
    found = shown(session)
    assert found["minute-after.ecr"] == ["nobody without a login"]
    assert "changes.ecr" not in found
    ecr.set_repository_policy(repositoryName="map", policyText=OPEN)
    lab.sh('curl -s -A docker/1 "http://${REGISTRY%%/*}/v2/" >/dev/null')
    assert "changes.ecr" not in shown(session)


def test_a_stranger_who_came_before_any_policy_shows_nothing(session: Session) -> None:
    lab = session.lab
    ecr, public = lab.client("ecr"), lab.client("ecr-public")
    ecr.create_repository(repositoryName="map")
    lab.push("map", "1")
    lab.sh('curl -s -A docker/1 "http://${REGISTRY%%/*}/v2/" >/dev/null')
    address = str(public.create_repository(repositoryName="map")["repository"]["repositoryUri"])
    try:
        host, _, name = address.partition("/")
        login = public.get_authorization_token()["authorizationData"]["authorizationToken"]
        answer = requests.get(f"http://{host}/token/", headers={"Authorization": f"Basic {login}"}, timeout=20)
        parts = image(b"the map")
        push_image(int(host.rpartition(":")[2]), name, "1", parts, answer.json()["token"], scheme="Bearer")
        assert at_public(address).get("manifests/1").ok
        ecr.set_repository_policy(repositoryName="map", policyText=OPEN)
        assert "changes.ecr" not in shown(session)
        lab.sh('curl -s -A docker/1 "http://${REGISTRY%%/*}/v2/" >/dev/null')
        assert "changes.ecr" in shown(session)
    finally:
        public.delete_repository(repositoryName="map", force=True)


def test_who_knocks_first_and_then_shows_a_login_is_not_a_stranger(session: Session) -> None:
    lab = session.lab
    lab.client("ecr").create_repository(repositoryName="map")
    lab.push("map", "1")
    lab.sh('curl -s -A docker/1 "http://${REGISTRY%%/*}/v2/"; curl -s -A docker/1 -H "Authorization: Basic $(aws ecr '
           'get-authorization-token --query authorizationData[0].authorizationToken --output text)" '
           '"http://${REGISTRY%%/*}/v2/" >/dev/null')  # fmt: skip
    assert "minute-after.ecr" not in shown(session)


def test_the_limit_needs_its_header_and_the_429(session: Session) -> None:
    hub = session.lab.hub
    manifest(hub, "library/busybox", method="HEAD")
    assert "how-many.hub" not in shown(session)
    session.lab.control.hub_window(used=100)
    manifest(hub, "library/busybox")
    found = shown(session)
    assert found["how-many.hub"] == ["100 in 6 hours, then 429"]
    manifest(hub, "library/busybox", address=hub.next_door)
    assert shown(session)["for-whom.hub"][0].startswith("the address: 127.0.0.1 and 192.0.2.7")
    session.lab.control.hub_window()


def test_a_team_that_changes_what_a_pass_holds(session: Session) -> None:
    hub = session.lab.hub
    push(hub, "harbourbikes/booking", "1")
    hub.private("harbourbikes/booking")
    hub.team("ops", "omar")
    manifest(hub, "harbourbikes/booking", "1", user="omar")
    assert "said-how.hub" not in shown(session)
    hub.team("ops", "omar", booking="read")
    manifest(hub, "harbourbikes/booking", "1", user="omar")
    assert shown(session)["said-how.hub"] == ["by a team: omar got nothing, then pull"]


def test_what_was_shown_stays_when_the_hub_is_reset_and_in_another_kernel(session: Session) -> None:
    push(session.lab.hub, "learner/chart", "1")
    before = shown(session)
    session.lab.hub.reset()
    again = Comparison(session.lab, session.progress, session.course.root)
    again.update()
    kept = {f"{line.id}.hub": [each.words for each in line.cells[0].shown] for line in again.lines()}
    assert kept["creates.hub"] == before["creates.hub"]


def test_the_drawing_says_in_words_what_is_shown_written_and_open(session: Session) -> None:
    push(session.lab.hub, "learner/chart", "1")
    session.comparison.update()
    drawn = drawing.drawn(session.comparison.lines())
    assert "makes it  [" in drawn.text
    assert "documented, not shown: " in drawn.text
    assert "open: lesson 06" in drawn.text
    assert "open: nobody has asked yet" in drawn.text
    assert drawn.text.splitlines()[-1].startswith("1 shown by you · ")
    assert '<p class="ecr-soft" role="status">New: row 1, Docker Hub: makes it</p>' in drawn.html
    assert 'aria-label="row 1, Docker Hub: makes it"' in drawn.html


def test_a_stranger_has_no_keys_and_no_login_even_after_one(running: Home, tmp_path: Path) -> None:
    lab = Lab(running, tmp_path)
    code, said = lab.sh("aws sts get-caller-identity", "nobody")
    assert code
    assert "credentials" in said.lower()
    assert lab.sh('test -z "${HUB_PASSWORD_FILE:-}"', "nobody")[0] == 0
    lab.sh(
        'mkdir -p "$DOCKER_CONFIG"; echo "{\\"auths\\": {\\"localhost:1\\": {}}}" > "$DOCKER_CONFIG/config.json"',
        "nobody",
    )
    assert lab.sh('test ! -e "$DOCKER_CONFIG/config.json"', "nobody")[0] == 0


class Filled:
    """A lab whose table holds these cells."""

    def __init__(self, *cells: str) -> None:
        self.cells = cells

    def shown(self) -> dict[str, str]:
        return dict.fromkeys(self.cells, "")


def test_the_sorting_goes_by_the_table_as_it_is() -> None:
    right: Any = course().lessons["05"].exercises["05-e8"]
    full, some = right.correct(Filled()), right.correct(Filled("creates.hub", "creates.ecr"))
    assert (full["hub-makes"], full["no-count"], full["safer"]) == ("shows", "shows", "open")
    assert (some["hub-makes"], some["ecr-makes"], some["switch"]) == ("shows", "opposite", "open")
    assert some["no-count"] == "shows"  # page 2 was left out
    assert right.correct(Filled("kept.ecr"))["no-count"] == "open"
    assert full["unlimited"] == "open"  # nobody has met a wall yet: lesson 07
    assert right.correct(Filled("creates.hub", "ends.ecr"))["unlimited"] == "opposite"


def test_the_401_that_comes_before_a_pass_is_not_a_fetch_through_the_cache(session: Session) -> None:
    def row(service: str, status: int, client: str) -> dict[str, Any]:
        return {
            "service": service, "status": status, "client": client, "method": "GET", "principal": "",
            "path": "/v2/library/busybox/manifests/latest",
        }  # fmt: skip

    fleet = [row("hub", 401, "ecr"), row("hub", 200, "ecr"), *[row("registry", 200, "python")] * 101]
    observe: Any = session.exercise("05-g4")
    assert observe.observe(SimpleNamespace(rows=lambda: fleet)) == "c"
    assert observe.observe(SimpleNamespace(rows=lambda: [fleet[1], *fleet])) == "a"
