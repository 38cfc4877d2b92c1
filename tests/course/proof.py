"""What is shown of every exercise, whichever course it belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecrlab_course.documents.attempts import Attempt
from ecrlab_course.documents.verdict import Outcome, Verdict
from ecrlab_course.kinds.base import Exercise
from ecrlab_course.kinds.match import Match
from ecrlab_course.kinds.predict import Predict
from ecrlab_course.kinds.read_error import ReadError
from ecrlab_course.learner.session import Built, Session
from ecrlab_course.messages import say
from ecrlab_course.notebook.exercise_card import Card, form, static
from ecrlab_course.toolbox.lab import Lab
from ecrlab_course.toolbox.standing import differences, fingerprint, local_names

from .checkpoints import Saved, has_quotas, put_back, put_back_docker, save
from .kept import SESSIONS, Kept, kept, lasting, without


@dataclass(frozen=True)
class Stood:
    """A checkpoint that was built in a lab: what the lab kept then, what the session noted of it, and its files.

    `saved` is what it is put back from, None where it has to be built again.
    """

    built: Built
    state: Kept
    files: dict[str, tuple[int, bytes]]
    saved: Saved | None


_stood: dict[tuple[Path, Path, str], Stood] = {}
"""By the lab's home, the lesson's folder and the checkpoint's name."""
_lesson: dict[Path, Path] = {}
"""By the lab's home: the lesson whose checkpoint stood last."""
_first: dict[Path, Saved] = {}
"""By the lab's home: docker as it was before the first try."""
_loose: set[Path] = set()
"""The homes of labs in which a try was made that no reset followed, since a checkpoint was built."""


def place(session: Session, exercise: Exercise) -> None:
    """Let the exercise's starting state stand; what the attempt does is done in the lesson's folder.

    What the lab kept when the checkpoint was built is put back, to the last, or it is built; nobody but admin has a
    right left before that, and the clock is real. So no exercise counts on what the try before it happened to leave.
    """
    source = session.source(exercise.id)
    lab, lesson = session.lab, source.lesson
    checkpoint = exercise.at or lesson.start
    lab.folder = session.folder(source)
    session.furnish(lesson.id)
    stood = _stood.get(_key(session, exercise))
    if stood and (_stands(session, exercise) or _again(session, exercise, stood.saved)):
        for name, (mode, content) in stood.files.items():
            path = lab.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(mode)
        _lesson[lab.home.path] = source.folder
        session.note_built(lesson.id, checkpoint, stood.built)
        return
    home = lab.home
    # What another lesson's tries left is none of this one's, nor what tries left that no reset followed.
    if _lesson.get(home.path) != source.folder or home.path in _loose or has_quotas(lab):
        lab.control.reset()
        if home.path in _first:
            put_back_docker(home, _first[home.path])
        _loose.discard(home.path)
    if lab.engine == "none" and home.path not in _first and (first := save(lab)):
        _first[home.path] = first
    _lesson[home.path] = source.folder
    take_rights(lab)
    lab.clock.reset()
    before = files_of(lab)
    session.goto(lesson.id, checkpoint)
    built = session.built(lesson.id)
    assert built is not None
    # Of an engine's images nobody knows whether they are as they were.
    if lab.engine == "none":
        changed = {name: lab.folder / name for name, digest in files_of(lab).items() if before.get(name) != digest}
        files = {name: (path.stat().st_mode, path.read_bytes()) for name, path in changed.items()}
        _stood[_key(session, exercise)] = Stood(built, lasting(kept(home)), files, save(lab))


def _key(session: Session, exercise: Exercise) -> tuple[Path, Path, str]:
    source = session.source(exercise.id)
    return session.lab.home.path, source.folder, exercise.at or source.lesson.start


def _again(session: Session, exercise: Exercise, saved: Saved | None) -> bool:
    """Put a checkpoint back; tell whether it stands."""
    return saved is not None and put_back(session.lab, saved) and _stands(session, exercise)


def _stands(session: Session, exercise: Exercise) -> bool:
    """Tell whether the checkpoint was built by `place`, and the lab keeps what it kept then."""
    stood = _stood.get(_key(session, exercise))
    return bool(stood and lasting(kept(session.lab.home)) == stood.state)


def attempt(session: Session, exercise: Exercise, made: Attempt) -> Verdict:
    """Make the attempt as a learner would and return the first check's verdict."""

    def answer() -> None:
        if made.answer is None:
            return
        if made.first is not None:
            session.answer(exercise.id, made.first)
        given = made.answer(session.lab) if callable(made.answer) else made.answer
        sure = made.confidence if isinstance(exercise, Predict | ReadError | Match) else None
        session.answer(exercise.id, given, sure)

    if isinstance(exercise, Predict):
        answer()
        if made.do is not None:
            made.do(session.lab)
    else:
        if made.do is not None:
            made.do(session.lab)
        answer()
    return session.check(exercise.id)


def rights(view: Any) -> dict[str, tuple[list[str], dict[str, Any]]]:
    """Return what each user of the account holds: its attached policies' ARNs, and its inline policies by name."""
    answer = view.client("iam").get_account_authorization_details(Filter=["User"])
    assert not answer["IsTruncated"]
    held = {}
    for user in answer["UserDetailList"]:
        attached = sorted(item["PolicyArn"] for item in user["AttachedManagedPolicies"])
        inline = {item["PolicyName"]: item["PolicyDocument"] for item in user.get("UserPolicyList", ())}
        held[user["UserName"]] = (attached, inline)
    return held


def take_rights(lab: Lab) -> None:
    """Take every policy from everybody but admin, as a lesson about rights may leave it."""
    iam = lab.looking().client("iam")
    for name, (attached, inline) in rights(lab.looking()).items():
        if name == "admin":
            continue
        for arn in attached:
            iam.detach_user_policy(UserName=name, PolicyArn=arn)
        for policy in inline:
            iam.delete_user_policy(UserName=name, PolicyName=policy)


_shown: dict[Path, tuple[int, int]] = {}
"""By the lab's home: the last request that was looked at, and the last of those that the learner's X-ray shows."""


def last_request(lab: Lab) -> int:
    """Return the number of the last request that the learner's X-ray shows."""
    looked, shown = _shown.get(lab.home.path, (0, 0))
    last = lab.last()
    rows = lab.rows(after=looked if looked <= last else 0)
    _shown[lab.home.path] = (last, int(rows[-1]["seq"]) if rows else shown)
    return _shown[lab.home.path][1]


def files_of(lab: Lab) -> dict[str, str]:
    """Return the files of the folder where commands run, and the digests of what is in them."""
    assert lab.folder is not None
    return {
        str(path.relative_to(lab.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in lab.folder.rglob("*")
        if path.is_file()
    }


def snapshot(session: Session) -> dict[str, Any]:
    """Return what a check could change: all that the lab keeps, files, and the last request of the learner's X-ray."""
    lab = session.lab
    state = kept(lab.home)
    lasts = without(state, SESSIONS)
    sessions = sorted(set(state) - set(lasts))
    return {"kept": lasts, "sessions": sessions, "last request": last_request(lab), "files": files_of(lab)}


def only_looked(session: Session, exercise: Exercise, verdict: Verdict) -> None:
    """A second check says the same and changes nothing.

    What ECS does by itself may fall between two looks, and a message quotes its newest event: where it runs something,
    one of three may find a difference, in the words alone.
    """
    tries = 3 if session.lab.looking().client("ecs").list_clusters()["clusterArns"] else 1
    for left in reversed(range(tries)):
        before = snapshot(session)
        second = session.check(exercise.id)
        after = snapshot(session)
        assert (second.outcome, second.name, second.misconception) == (
            verdict.outcome,
            verdict.name,
            verdict.misconception,
        ), (verdict, second)
        if after == before and second == verdict:
            return
        differ = {key for key in before if before[key] != after[key]}
        assert left, f"a check changed these: {sorted(differ)}; it said {verdict} and then {second}"
        verdict = second


def untouched(session: Session, exercise: Exercise) -> None:
    """Nothing was done: the check says so twice, hints and solution are there, and nothing changed by looking."""
    place(session, exercise)
    before = snapshot(session)
    verdict = session.check(exercise.id)
    assert verdict.outcome is Outcome.UNTOUCHED, verdict
    assert session.check(exercise.id) == verdict
    assert snapshot(session) == before
    for number in (1, 2, 3):
        tip = session.hint(exercise.id)
        assert tip.number == number
        assert tip.text.strip()
        assert "Could not look" not in tip.text
    assert session.hint(exercise.id).number == 3
    assert len(session.solution(exercise.id)) > 40
    assert snapshot(session) == before
    assert exercise.id in form(session, exercise)
    assert exercise.id in static(session, exercise)
    # A failure is made when the card is shown; every other card leaves the lab as it is.
    Card(session, exercise)
    assert isinstance(exercise, ReadError) or snapshot(session) == before


_restored: set[tuple[Path, str, Outcome]] = set()
"""By the lab's home: the exercises that were reset after a try that ended so."""


def restored_once(session: Session, exercise: Exercise, outcome: Outcome) -> None:
    """As `restored`, once for each exercise and outcome; where `place` cannot put the checkpoint back, every time.

    `soak` does it after every try.
    """
    home = session.lab.home.path
    stood = _stood.get(_key(session, exercise))
    if stood is None or stood.saved is None or (home, exercise.id, outcome) not in _restored:
        restored(session, exercise)
        _restored.add((home, exercise.id, outcome))
    else:
        if exercise.reset is not None:
            exercise.reset(session.lab)  # what it keeps elsewhere, as tickets are
        _loose.add(home)


def restored(session: Session, exercise: Exercise) -> None:
    """The reset brings the exercise's start back: untouched, and what the checkpoint left in the lab; it says so."""
    lesson = session.source(exercise.id).lesson
    built = session.built(lesson.id)
    assert built is not None
    said = session.reset(exercise.id)
    in_lab = session.is_undone_in_lab(exercise)
    rebuilt = say("card.was_rebuilt", checkpoint=exercise.at or lesson.start)
    assert said in (say("card.was_reset_in_lab" if in_lab else "card.was_reset"), rebuilt), said
    # Where the lab keeps what it kept at first, there is nothing more to look for.
    if in_lab and not _stands(session, exercise):
        assert local_names(session.lab) <= built.names
        # Where the checkpoint was built again, that is the measure: leftovers of another lesson may be gone.
        built = session.built(lesson.id) or built
        left = differences(built.state, fingerprint(session.lab))
        # An engine that builds again makes another digest.
        assert [key for key in left if not (exercise.engine and key[0] == "images")] == []
    assert session.check(exercise.id).outcome is Outcome.UNTOUCHED


def refused(session: Session, exercise: Exercise, made: Attempt) -> None:
    """A wrong attempt gets the message and the misconception that it declares, twice the same, until the reset."""
    place(session, exercise)
    verdict = attempt(session, exercise, made)
    outcome = Outcome.COMPARED if isinstance(exercise, Predict) else Outcome.NOT_YET
    assert verdict.outcome is outcome, verdict
    assert verdict.misconception == made.misconception, verdict
    assert made.says in verdict.message
    assert verdict.name == made.verdict, (verdict, made)
    only_looked(session, exercise, verdict)
    record = session.record(exercise.id)
    assert record["first"] == outcome.value
    assert record["history"][-1].get("misconception") == made.misconception
    if isinstance(exercise, Predict):
        settled(session, exercise, verdict)
    if made.answer is not None and isinstance(exercise, Predict | ReadError | Match):
        assert record["history"][-1]["confidence"] == made.confidence
        assert record["first_confidence"] == made.confidence
    tip = session.hint(exercise.id)
    assert "Could not look" not in tip.text
    restored_once(session, exercise, outcome)
    assert session.record(exercise.id)["first"] == outcome.value


def settled(session: Session, exercise: Predict, verdict: Verdict) -> None:
    """A prediction counts as made, whatever was guessed; the known answer, given afterwards, changes nothing.

    That it was judged two times more is counted, and when it was last.
    """
    record = session.record(exercise.id)
    assert record["passed"]
    again = session.answer(exercise.id, record["observed"], 3)
    assert again.message.startswith(verdict.message)
    assert len(again.message) > len(verdict.message)
    assert again.outcome is Outcome.COMPARED
    assert session.check(exercise.id) == verdict
    later = session.record(exercise.id)
    assert later == {**record, "checks": record["checks"] + 2, "last": later["last"]}


def accepted(session: Session, exercise: Exercise, made: Attempt) -> None:
    """A right attempt passes, twice the same; the check changes nothing, and the reset returns to untouched."""
    place(session, exercise)
    verdict = attempt(session, exercise, made)
    assert verdict.outcome is Outcome.PASSED, verdict
    assert verdict.name == made.verdict, (verdict, made)
    only_looked(session, exercise, verdict)
    assert session.record(exercise.id)["passed"]
    restored_once(session, exercise, Outcome.PASSED)


def left(session: Session, exercise: Exercise, made: Attempt) -> None:
    """An attempt that is neither right nor wrong leaves it untouched, with words of its own."""
    place(session, exercise)
    verdict = attempt(session, exercise, made)
    assert verdict.outcome is Outcome.UNTOUCHED, verdict
    assert verdict.name == made.verdict, (verdict, made)
    assert session.check(exercise.id) == verdict
    restored_once(session, exercise, Outcome.UNTOUCHED)


def reset_after(session: Session, exercise: Exercise, made: Attempt) -> None:
    """Whatever the attempt was, the reset brings the exercise's start back."""
    place(session, exercise)
    attempt(session, exercise, made)
    restored(session, exercise)


def together(attempts: Iterable[Attempt]) -> list[Attempt]:
    """Return the attempts that do nothing in the lab: an answer that was made from the document, and no more.

    One that is certain is not among them: it is told so only when it is the learner's first.
    """
    return [each for each in attempts if each.said and not each.verdict and each.do is None and each.confidence < 3]


def alone(attempts: Iterable[Attempt]) -> list[Attempt]:
    """Return the attempts that want a lab in the exercise's starting state."""
    attempts = list(attempts)
    return [each for each in attempts if each not in together(attempts)]


def all_refused(session: Session, exercise: Exercise) -> None:
    """As `refused`, for all wrong answers that do nothing in the lab: the state is built and looked at once."""
    place(session, exercise)
    before = snapshot(session)
    for made in together(exercise.rejects):
        verdict = attempt(session, exercise, made)
        assert verdict.outcome is Outcome.NOT_YET, (made.name, verdict)
        assert verdict.misconception == made.misconception, made.name
        assert made.says in verdict.message, made.name
        assert session.check(exercise.id) == verdict
        session.reset(exercise.id)
        assert session.check(exercise.id).outcome is Outcome.UNTOUCHED
    if exercise.reset is None:
        # A failure is made once more after each reset: its requests are in the X-ray, with the keys that it took.
        made_again = {"last request", "sessions"} if isinstance(exercise, ReadError) else set()
        after = snapshot(session)
        assert {key for key, value in before.items() if after[key] != value} <= made_again
