"""How a guess is compared with what really happened: predictions, and guesses that do not count."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.option import Option
from ecrlab_course.documents.verdict import Verdict, compared, passed, untouched
from ecrlab_course.kinds.entry import Entry
from ecrlab_course.kinds.inputs import confident
from ecrlab_course.kinds.options import certain_words, check_key
from ecrlab_course.messages import say

Observe = Callable[[LabView], str | None]


def observed(entry: Entry, observe: Observe) -> str | None:
    """Return the key of the option that really happened, or None; an observation is kept once it was made."""
    record = entry.record
    if record.get("observed"):
        return str(record["observed"])
    key = observe(entry.looking)
    if key is not None and "answer" in record:
        entry.note(observed=key)
    return key


def keep_guess(
    identifier: str,
    entry: Entry,
    options: Sequence[Option],
    answer: Any,
    confidence: int | None,
    settled: bool,
) -> str | None:
    """Keep a guess until its outcome is known (`settled`); return a remark when another one comes after that.

    The first guess that was compared is kept for good. Raises AnswerError for an answer of another form.
    """
    confident(confidence)
    check_key(identifier, options, answer)
    record = entry.record
    if settled:
        return None if answer == record.get("answer") else say("predict.settled")
    values: dict[str, Any] = {"answer": answer, "confidence": confidence, "fresh": answer != record.get("answer")}
    # A second guess keeps the first one's mark: what happened after the first guess is what is compared.
    if "answer" not in record:
        values["mark"] = entry.lab.last()
    if "first" not in record:
        values["first_answer"], values["first_confidence"] = answer, confidence
    entry.keep(**values)
    return None


def is_known(seen: Callable[[], str | None]) -> bool:
    """Tell whether the outcome is already known; not knowing is not an error here."""
    try:
        return seen() is not None
    except Exception:
        return False


def kept(entry: Entry, guess: Option, how_sure: bool) -> Verdict:
    """Return the verdict about a guess that waits for its cell."""
    words = say("predict.kept", said=guess.text)
    if how_sure and not entry.record.get("confidence"):
        words += " " + say("predict.unsure", id=entry.id, key=guess.key)
    return untouched(words)


def beside(entry: Entry, guess: Option, truth: Option, recalled: bool) -> Verdict:
    """Return the verdict about a guess beside what happened (`recalled`: beside what is so)."""
    if truth.key == guess.key:
        again = entry.record.get("first_answer") not in (None, guess.key)
        first = f" {say('predict.guessed_otherwise')}" if again else ""
        return passed(f"{guess.feedback}{first}".strip() or say("predict.happened"))
    both = say("guess.both" if recalled else "predict.both", said=guess.text, truth=truth.text)
    both = re.sub(r"([?!])\.", r"\1", both)  # an option may be a question
    certain = entry.record.get("confidence") == 3 and guess.misconception
    noted = say("predict.noted_for_drills" if certain else "predict.noted")
    words = certain_words() if entry.certain_miss else ""
    return compared(f"{both} {noted}\n\n{guess.feedback}{words}".strip(), guess.misconception)
