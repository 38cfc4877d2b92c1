"""Learners report to a board that answers, through the real reporter; the gate, the code, forgetting, bad requests."""

from __future__ import annotations

import json

import aiohttp
import pytest

from ecrlab_course.classroom.board import Board
from ecrlab_course.classroom.pseudonyms import join_code, random_id, token_of
from ecrlab_course.sharing.consent import SharingError, address, status
from ecrlab_course.sharing.report import Report
from ecrlab_course.sharing.reporter import reach

from .conftest import SECRET, START, Class, report


async def test_nothing_is_sent_until_the_learner_says_yes(classroom: Class) -> None:
    learner = classroom.learner("ada")
    learner.progress.judged("04-e1", "not yet", "tag-copies", None)
    await learner.step()
    assert classroom.server.board.learners == {}
    learner.consent.put(share=True)
    await learner.step()
    (kept,) = classroom.server.board.learners.values()
    assert kept.records["04-e1"]["misconception"] == "tag-copies"
    state = await classroom.state()
    assert (state["learners"], state["here"]) == (1, 1)
    assert state["beliefs"][0]["learners"] == 1

    assert learner.consent.get().name == kept.label, "the learner knows who they are on the board"

    # Only what changed is sent; without news nothing is, until the next beat.
    version = classroom.server.board.version
    await learner.step()
    assert classroom.server.board.version == version
    learner.progress.judged("04-e1", "passed", None, None)
    await learner.step()
    assert kept.records["04-e1"]["outcome"] == "passed"

    # No more is sent once they stop; the board knows that they left.
    learner.consent.put(share=False)
    await learner.step()
    learner.progress.judged("04-e2", "passed", None, None)
    await learner.step()
    assert kept.left
    assert "04-e2" not in kept.records


async def test_a_board_that_was_emptied_gets_all_of_it_back_within_a_beat(classroom: Class) -> None:
    learner = classroom.learner("ada")
    for number in range(1, 6):
        learner.progress.judged(f"04-e{number}", "passed", None, None)
    learner.consent.put(share=True)
    await learner.step()
    classroom.server.board = Board()
    learner.reporter._told = -100.0  # a beat later
    await learner.step()
    await learner.step()
    (kept,) = classroom.server.board.learners.values()
    assert len(kept.records) == 5


async def test_a_hand_is_seen_and_an_offer_arrives_and_nothing_is_done_unasked(classroom: Class) -> None:
    learner = classroom.learner("ada")
    learner.consent.put(share=True, hand=True)
    await learner.step()
    (need,) = (await classroom.state())["needs"]
    assert need["reason"] == "hand"
    headers = {"X-Board": "1"}
    seen = {"learner": need["learner"], "key": need["key"]}
    offer = {"learner": need["learner"], "lesson": "04"}
    assert (await classroom.instructor.post("/seen", json=seen)).status == 403, "a form of another origin"
    assert (await classroom.instructor.post("/seen", json=seen, headers=headers)).status == 200
    assert (await classroom.instructor.post("/offer", json=offer, headers=headers)).status == 200
    wrong = {**offer, "lesson": "99"}
    assert (await classroom.instructor.post("/offer", json=wrong, headers=headers)).status == 400
    nobody = {**offer, "learner": "l-0000000000"}
    assert (await classroom.instructor.post("/offer", json=nobody, headers=headers)).status == 404
    assert (await classroom.state())["needs"] == []
    learner.reporter._told = -100.0
    await learner.step()
    consent = learner.consent.get()
    assert [each["lesson"] for each in consent.open] == ["04"]
    assert not consent.hand, "it was seen, so it is down"
    await learner.step()
    assert status(learner.home)["seen"], "told though the hand is down again"
    (kept,) = classroom.server.board.learners.values()
    assert kept.offers == [], "it has arrived"
    learner.consent.answer(consent.open[0]["id"])
    assert learner.consent.get().open == []


async def test_forget_me_deletes_there_and_shares_no_more(classroom: Class) -> None:
    learner = classroom.learner("ada")
    learner.progress.judged("04-e1", "passed", None, None)
    learner.consent.put(share=True)
    await learner.step()
    classroom.server.flush()
    (identifier,) = classroom.server.board.learners
    assert identifier.encode() in classroom.archive.read_bytes()
    learner.consent.put(share=False, forget=True)
    await learner.step()
    assert classroom.server.board.learners == {}
    assert identifier.encode() not in classroom.archive.read_bytes()
    assert not learner.consent.get().forget
    assert learner.progress.exercise("04-e1")["outcome"] == "passed"


async def test_a_board_that_does_not_answer_costs_nothing_but_waiting(classroom: Class) -> None:
    learner = classroom.learner("ada")
    url = learner.consent.get().url
    learner.consent.put(share=True, url="http://127.0.0.1:9/")
    learner.progress.judged("04-e1", "passed", None, None)
    for _ in range(6):
        await learner.step()
    assert learner.reporter.wait == 30
    assert status(learner.home)["trouble"]
    learner.consent.put(url=url)
    await learner.step()
    assert learner.reporter.wait == 2
    (kept,) = classroom.server.board.learners.values()
    assert "04-e1" in kept.records


async def test_only_the_key_opens_the_board(classroom: Class) -> None:
    for path in ("/", "/?key=wrong", "/?key=%ff"):
        answer = await classroom.stranger.get(path)
        assert (answer.status, "Set-Cookie" in answer.headers) == (403, False)
    for path in ("/state", "/class.csv"):
        assert (await classroom.stranger.get(path)).status == 403
    for path in ("/seen", "/offer"):
        assert (await classroom.stranger.post(path, json={}, headers={"X-Board": "1"})).status == 403
    # A learner's token lets nobody in.
    bearer = {"Authorization": f"Bearer {token_of(SECRET, random_id())}"}
    assert (await classroom.stranger.get("/state", headers=bearer)).status == 403
    page = await classroom.instructor.get("/")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert join_code(SECRET) in await page.text()
    assert (await classroom.instructor.get("/class.csv")).headers["Content-Disposition"].startswith("attachment")
    tag = (await classroom.instructor.get("/state")).headers["ETag"]
    assert (await classroom.instructor.get("/state", headers={"If-None-Match": tag})).status == 304


async def test_a_code_gives_a_name_and_wrong_ones_are_slowed_down_and_right_ones_are_not(classroom: Class) -> None:
    async def join(code: object, **headers: str) -> aiohttp.ClientResponse:
        return await classroom.stranger.post("/join", json={"code": code}, headers=headers)

    found = await (await join(f" {join_code(SECRET).upper()} ")).json()
    again = await (await join(join_code(SECRET), Authorization=f"Bearer {found['token']}")).json()
    assert again == found, "who joined before keeps the name"
    for _ in range(30):
        assert (await join(join_code(SECRET))).status == 200
    answers = [(await join(code)).status for code in ["wrong", "\ud800", 7, None] * 6]
    assert answers == [403] * 20 + [429] * 4
    assert (await classroom.state())["joined"] == 31


@pytest.mark.parametrize("path", ["/report", "/join", "/seen", "/offer", "/leave", "/forget"])
async def test_no_request_is_answered_by_a_fault(classroom: Class, path: str) -> None:
    good = {"Authorization": f"Bearer {token_of(SECRET, random_id())}", "X-Board": "1"}
    bodies = [b"", b"{", b"[]", b"\xff\xfe", b'{"v": 1}', b"[" * 5000, json.dumps(Report(report().now).body()).encode()]
    for client in (classroom.stranger, classroom.instructor):
        for headers in (
            good,
            {},
            {"Authorization": "Bearer x"},
            {"Content-Type": "text/plain; charset=klingon", **good},
        ):
            for body in bodies:
                assert (await client.post(path, data=body, headers=headers)).status < 500, (path, body[:20], headers)
    assert (await classroom.stranger.post(path, data=b" " * 70_000, headers=good)).status < 500


async def test_the_state_is_by_the_boards_clock(classroom: Class) -> None:
    learner = classroom.learner("ada")
    learner.consent.put(share=True)
    await learner.step()
    classroom.clock.now = START + 200
    (need,) = (await classroom.state())["needs"]
    assert (need["reason"], need["minutes"]) == ("silent", 3)


def test_an_address_is_taken_as_people_type_it() -> None:
    assert address("192.168.1.10") == "http://192.168.1.10:4599/"
    assert address(" 192.168.1.10:80 ") == "http://192.168.1.10:80/"
    assert address("https://hub.example/services/board?x=1") == "https://hub.example/services/board/"
    for wrong in ("", "ftp://x", "http://", "a:port", "http://me@board"):
        with pytest.raises(SharingError, match="board's address"):
            address(wrong)
    assert reach("http+unix://%2Frun%2Fboard.sock/services/board/") == (
        "http://board/services/board/",
        "/run/board.sock",
    )
