"""The learner's side of a class: a card that says what is shared, with their own values; the instructor's offers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from ecrlab.home import Home
from ecrlab_course.documents.verdict import Verdict
from ecrlab_course.messages import say
from ecrlab_course.notebook.cards import ActingCard
from ecrlab_course.notebook.offer_card import OfferCard
from ecrlab_course.sharing.consent import Consent, ConsentFile, status
from ecrlab_course.sharing.report import is_done, shared
from ecrlab_course.views.display import Shown, escape, keyboard, markdown_inline, plain, style, table

ipywidgets: Any = import_module("ipywidgets")

HEARD, SEEN = 60.0, 600.0
"""Seconds after which a board that said nothing is called silent: three beats; for which a seen hand is told."""


class Sharing:
    """What a learner may say to the class: share, stop, raise a hand, be forgotten. Each returns a sentence."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.file = ConsentFile.of(home)
        self._shown: set[str] = set()

    def share(self, on: bool) -> str:
        """Share from now on, or share nothing."""
        if not self.file.get().is_joined:
            return say("share.not_joined")
        self.file.put(share=on, forget=None, **({} if on else {"hand": False}))
        return say("share.shared" if on else "share.stopped")

    def hand(self, up: bool) -> str:
        """Raise the learner's hand, or lower it."""
        if up and not self.file.get().share:
            return say("share.share_first")
        self.file.put(hand=up)
        return say("share.raised" if up else "share.lowered")

    def forget(self) -> str:
        """Share nothing, and have the board delete what it holds."""
        if not self.file.get().is_joined:
            return say("share.not_joined")
        self.file.put(share=False, hand=False, forget=True)
        return say("share.forgotten")

    def table(self) -> Shown:
        """Return what is sent, with the learner's own values."""
        consent = self.file.get()
        lesson, records = shared(self.home.progress)
        done = sum(is_done(record) for record in records.values())
        held = {record["misconception"] for record in records.values() if record.get("misconception")}
        rows = (
            (say("share.row_lesson"), lesson or say("share.no_lesson")),
            (say("share.row_active"), say("share.now")),
            (say("share.row_records"), say("share.records", done=done, tried=len(records))),
            (say("share.row_beliefs"), ", ".join(sorted(held)) or say("share.no_beliefs")),
            (say("share.row_hand"), say("share.hand_up" if consent.hand else "share.hand_down")),
        )
        return table((say("share.row_what"), say("share.row_yours")), rows)

    def state(self) -> str:
        """Return how it stands, in sentences."""
        consent, told = self.file.get(), status(self.home)
        words = [say("share.on" if consent.share else "share.off")] if consent.is_joined else []
        if not consent.is_joined:
            words.append(say("share.not_joined"))
        if consent.name:
            words.append(say("share.you_are", name=consent.name))
        if consent.share:
            since = time.time() - float(told.get("heard", 0.0))
            if since < HEARD:
                words.append(say("share.heard", seconds=round(since)))
            else:
                words.append(say("share.unheard" if told else "share.no_reporter"))
            if time.time() - float(told.get("seen", 0.0)) < SEEN:
                words.append(say("share.seen"))
        return " ".join(words)

    def offers(self, catch_up: Callable[[str], str]) -> Iterator[OfferCard]:
        """Yield a card for each of the instructor's offers that was not shown yet. `catch_up` builds, when asked."""
        for offer in self.file.get().open:
            if offer["id"] in self._shown:
                continue
            self._shown.add(offer["id"])

            def take(offer: Any = offer) -> str:
                done = catch_up(offer["lesson"])
                self.file.answer(offer["id"])
                return done

            words, call = (say(f"share.{name}", lesson=offer["lesson"]) for name in ("offer", "offer_call"))
            yield OfferCard(words, say("share.offer_button"), take, call)

    def caught_up(self, lesson: str) -> None:
        """Note that the learner built the state after a lesson by themselves: it is not offered any more."""
        for offer in self.file.get().open:
            if offer["lesson"] == lesson:
                self.file.answer(offer["id"])


class SharingCard(ActingCard):
    """What is sent, how it stands, and three buttons."""

    def __init__(self, sharing: Sharing) -> None:
        self._sharing = sharing
        self._table = ipywidgets.HTML()
        self._state = ipywidgets.HTML()
        self._said = ipywidgets.HTML()
        self._share = self._button(lambda: sharing.share(not self._consent.share))
        self._share.add_class("ecr-primary")
        self._hand = self._button(lambda: sharing.hand(not self._consent.hand))
        self._forget = self._button(sharing.forget)
        bar = ipywidgets.Box([self._share, self._hand, self._forget])
        bar.add_class("ecr-buttons")
        head = (
            f'{style(keyboard("ecr-sharing"))}<div class="ecr-head"><b>{escape(say("share.title"))}</b></div>'
            f"<p>{markdown_inline(say('share.head'))}</p>"
        )
        never = ipywidgets.HTML(f'<p class="ecr-soft">{markdown_inline(say("share.never"))}</p>')
        self.box = ipywidgets.VBox([ipywidgets.HTML(head), self._table, never, self._state, bar, self._said])
        for name in ("ecrlab", "ecr-exercise", "ecr-sharing"):
            self.box.add_class(name)
        self.refresh()

    def _button(self, act: Callable[[], str]) -> Any:
        button = ipywidgets.Button()
        button.on_click(lambda _button: self._soon(lambda: self._do(act)))
        return button

    @property
    def _consent(self) -> Consent:
        return self._sharing.file.get()

    def show(self) -> None:
        """Display the card."""
        drawn, state = self._sharing.table(), self._sharing.state()
        texts = [say("share.title"), drawn.text, say("share.never"), state, say("share.in_text")]
        html = "".join(f"<p>{markdown_inline(text)}</p>" for text in texts[2:])
        self._display("\n".join(map(plain, texts)), f'<div class="ecr-card">{drawn.html}{html}</div>')

    def refresh(self) -> None:
        """Say how it stands now, and no more what a click did."""
        self._said.value = ""
        consent = self._consent
        self._table.value = self._sharing.table().html
        self._state.value = f'<div class="ecr-status" role="status">{markdown_inline(self._sharing.state())}</div>'
        self._share.description = say("share.stop" if consent.share else "share.share")
        self._share.disabled = self._forget.disabled = not consent.is_joined
        self._hand.description = say("share.lower" if consent.hand else "share.raise")
        self._hand.disabled = not consent.share
        self._forget.description = say("share.forget")

    def _do(self, act: Callable[[], str]) -> None:
        words = act()
        self.refresh()
        self._want(words)

    def _say(self, verdict: Verdict) -> None:
        self._said.value = f'<div class="ecr-verdict ecr-wait" role="status">{escape(verdict.message)}</div>'

    def _want(self, words: str) -> None:
        self._said.value = f'<div class="ecr-status" role="status">{markdown_inline(words)}</div>'
