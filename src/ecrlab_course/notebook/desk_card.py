"""The desk as a widget: a ticket, its command, the causes to choose from, what a check says; and the postmortem."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

from ecrlab_course.desk import paper
from ecrlab_course.desk.desk import Desk, DeskError
from ecrlab_course.desk.incident import LINES
from ecrlab_course.desk.judge import Judgement, State
from ecrlab_course.desk.judgement_words import lines, said_of
from ecrlab_course.desk.ticket import Ticket
from ecrlab_course.desk.town import Ran
from ecrlab_course.documents.verdict import Verdict
from ecrlab_course.kinds.inputs import WIDE
from ecrlab_course.messages import say
from ecrlab_course.notebook.cards import ActingCard
from ecrlab_course.views.display import Shown, escape, keyboard, markdown, note, plain, style, verdict_html

ipywidgets: Any = import_module("ipywidgets")

_cards = itertools.count(1)
COLOURS = {State.CLOSED: "ok", State.WORKS: "told", State.UNDERSTOOD: "told", State.OPEN: "idle"}
"""The colour of a state. None is red: what is not closed is not a mistake."""
ICONS = {State.CLOSED: "✓", State.WORKS: "≠", State.UNDERSTOOD: "≠", State.OPEN: "○"}


# In text and in static HTML -----------------------------------------------------------------------------------------


def form(desk: Desk, tickets: Sequence[Ticket]) -> str:
    """Return the tickets as plain text, for terminals, tests and pages where nothing runs."""
    texts = "\n\n".join(paper.text(desk, each) for each in tickets)
    return f"{texts}\n\n{say('desk.in_text')}\n{say('desk.terminal')}"


def _asked(desk: Desk, ticket: Ticket) -> str:
    profile, command = ticket.incident.caller, escape(desk.command(ticket))
    return (
        f"{markdown(desk.told(ticket, ticket.incident.ticket))}"
        f"<p>{say('desk.as', profile=escape(profile), command=f'<code>{command}</code>')}</p>"
    )


def static(desk: Desk, tickets: Sequence[Ticket]) -> str:
    """Return the tickets as HTML for a page where nothing runs."""
    parts = []
    for ticket in tickets:
        options = "".join(
            f"<li><b>{each.letter}</b> {escape(plain(desk.told(ticket, each.text)))}</li>"
            for each in desk.choices(ticket)
        )
        parts.append(
            f'<div class="ecr-card"><div class="ecr-head"><b>{escape(paper.title(ticket))}</b></div>'
            f"{_asked(desk, ticket)}<ul>{options}</ul></div>"
        )
    return "".join(parts)


def ran_shown(command: str, ran: Ran) -> Shown:
    """Return what the ticket's command printed."""
    text = f"$ {command}\n{ran.text}\n{say('desk.ended', code=ran.code)}"
    return Shown(text, f'<pre role="status">{escape(text)}</pre>')


def judged_shown(desk: Desk, ticket: Ticket, found: Judgement) -> Shown:
    """Return what a check says: three lines."""
    text = "\n\n".join(lines(desk, ticket, found))
    state = found.state
    words = paper.state_words(state, bool(found.chosen))
    head = f'<span class="ecr-state ecr-{COLOURS[state]}">{ICONS[state]} {escape(words)}</span>'
    html = f'<div class="ecr-verdict ecr-{COLOURS[state]}" role="status">{head}{markdown(text)}</div>'
    return Shown(f"{ICONS[state]} {paper.title(ticket)} · {words}\n{plain(text)}", html)


def after_shown(desk: Desk, ticket: Ticket) -> Shown:
    """Return what is said once a ticket is closed."""
    parts = [note(head, text) for head, text in paper.after(desk, ticket)]
    return Shown("\n\n".join(each.text for each in parts), "".join(each.html for each in parts))


def hint_shown(number: int, text: str) -> Shown:
    """Return a hint."""
    return note(say("desk.hint_of", number=number), text)


# Widgets ------------------------------------------------------------------------------------------------------------


def _bar(*buttons: Any) -> Any:
    bar = ipywidgets.Box(list(buttons))
    bar.add_class("ecr-buttons")
    return bar


class _Panel:
    """One ticket on the card."""

    def __init__(self, card: DeskCard, ticket: Ticket, place: int) -> None:
        self.card, self.desk, self.id, self.place = card, card.desk, ticket.id, place
        self._head, self._asked, self._far = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self._printed, self._said, self._tip = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self._end = ipywidgets.HTML()
        chosen = self.desk.chosen(ticket)
        options = [
            (f"{each.letter}  {plain(self.desk.told(ticket, each.text))}", each.key)
            for each in self.desk.choices(ticket)
        ]
        self._choice = ipywidgets.RadioButtons(
            options=options,
            value=chosen if chosen in [key for _, key in options] else None,
            description=say("desk.choose"),
            style=WIDE,
        )
        self._choice.observe(self._choose, "value")
        who = said_of(ticket.incident.caller)
        self._buttons = _bar(
            card.button(say("desk.run_as", who=who), self._run),
            card.button(say("desk.check"), self._check, primary=True),
            card.button(say("desk.hint"), self._hint),
        )
        self.box = ipywidgets.VBox(
            [
                self._head, self._asked, self._far, self._choice, self._buttons,
                self._tip, self._printed, self._said, self._end,
            ]
        )  # fmt: skip
        self.box.add_class("ecr-ticket")
        self._asked.value = _asked(self.desk, ticket)
        self.refresh()

    @property
    def ticket(self) -> Ticket:
        """The ticket as the file has it now."""
        for each in self.desk.open():
            if each.id == self.id:
                return each
        raise DeskError(say("desk.gone"))

    def _choose(self, change: Any) -> None:
        if change["new"] is not None:
            self.desk.name(self.ticket, str(change["new"]))

    def _run(self) -> None:
        with self._waiting(self._printed):
            ticket = self.ticket
            self._printed.value = ran_shown(self.desk.command(ticket), self.desk.run(ticket)).html
        self.refresh()

    def _check(self) -> None:
        # What the command printed before is no longer so: the check runs it again, and says how it ended.
        self._tip.value = self._printed.value = ""
        with self._waiting(self._said):
            found = self.desk.check(self.ticket)
            self._said.value = judged_shown(self.desk, self.ticket, found).html
        self.refresh()

    @contextlib.contextmanager
    def _waiting(self, part: Any) -> Iterator[None]:
        """Say in a part of the card that something is looked at; nothing of that stays when it fails."""
        part.value = f'<div class="ecr-soft" role="status">{say("desk.looking")}</div>'
        try:
            yield
        except BaseException:
            part.value = ""
            raise

    def _hint(self) -> None:
        self._tip.value = f'<div role="status">{hint_shown(*self.desk.hint(self.ticket)).html}</div>'
        self.refresh()

    def refresh(self) -> None:
        """Show how the ticket stands, and what was looked at so far."""
        ticket = self.ticket
        kept = ticket.record.get("state", State.OPEN.value)
        state = State.CLOSED if ticket.is_closed else State(kept)
        self._head.value = (
            f'<div class="ecr-head"><b>{escape(paper.title(ticket))}</b> '
            f'<span class="ecr-state ecr-{COLOURS[state]}">{ICONS[state]} {escape(paper.state(ticket))}</span></div>'
        )
        self._far.value = f'<div class="ecr-soft">{escape(paper.so_far(self.desk, ticket))}</div>'
        if ticket.is_closed and not self._end.value:
            self._end.value = after_shown(self.desk, ticket).html


class DeskCard(ActingCard):
    """What is on the desk: one ticket, or the three of a night shift. All state is the desk's."""

    def __init__(self, desk: Desk, deal: Callable[[], list[Ticket]]) -> None:
        self.desk = desk
        self._top = ipywidgets.HTML()
        self._message = ipywidgets.HTML()
        self._panels: list[_Panel] = []
        self._middle = ipywidgets.VBox([])
        self._where = ipywidgets.HTML()
        last = _bar(
            self.button(say("desk.again"), lambda: self._deal(self.desk.again)),
            self.button(say("desk.another"), lambda: self._deal(self.desk.another)),
        )
        self.box = ipywidgets.VBox([self._top, self._middle, last, self._message, self._where])
        self.box.add_class("ecrlab")
        self.box.add_class("ecr-exercise")
        self.box.add_class("ecr-desk")
        self._fill(deal())

    def button(self, name: str, action: Callable[[], None], primary: bool = False) -> Any:
        """Return a button that acts, and says in the card what went wrong."""
        made = ipywidgets.Button(description=name)
        if primary:
            made.add_class("ecr-primary")
        made.on_click(lambda _button: self._soon(self._acting(action)))
        return made

    def _acting(self, action: Callable[[], None]) -> Callable[[], None]:
        def act() -> None:
            self._message.value = ""
            try:
                action()
            except (DeskError, KeyError) as error:
                self._want(str(error.args[0]))

        return act

    def _deal(self, deal: Callable[[], list[Ticket]]) -> None:
        self._want(say("desk.building"))
        self._fill(deal())
        self._message.value = ""

    def _fill(self, tickets: list[Ticket]) -> None:
        # A new name runs the card's script again: what is dealt later has keys and names like what came first.
        self._top.value = style(keyboard(f"ecr-desk-{next(_cards)}"))
        self._panels = [_Panel(self, ticket, place) for place, ticket in enumerate(tickets, 1)]
        self._middle.children = [panel.box for panel in self._panels]
        self._where.value = f'<div class="ecr-soft">{markdown(paper.where(self.desk, tickets))}</div>'

    def _want(self, words: str) -> None:
        self._message.value = f'<div class="ecr-soft" role="status">{markdown(words)}</div>'

    def _say(self, verdict: Verdict) -> None:
        self._message.value = verdict_html(verdict)

    def refresh(self) -> None:
        """Follow what cells and terminals have done; a card whose ticket is no longer on the desk stays as it was."""
        there = {each.id for each in self.desk.open()}
        for panel in self._panels:
            if panel.id in there:
                panel.refresh()

    def show(self) -> None:
        """Display the card; where widgets do not run, its text or static form is shown."""
        tickets = self.desk.open()
        self._display(form(self.desk, tickets), static(self.desk, tickets))


class PostmortemCard(ActingCard):
    """Five lines of one's own, and ours beside them once the ticket is closed, with a tick for each."""

    def __init__(self, desk: Desk, ticket: Ticket) -> None:
        self.desk, self.ticket = desk, ticket
        mine, ticks = desk.postmortem(ticket)
        top = ipywidgets.HTML(
            f"{style(keyboard(f'ecr-desk-{next(_cards)}'))}"
            f'<div class="ecr-head"><b>{say("desk.postmortem")}</b> '
            f'<span class="ecr-kind">{escape(paper.title(ticket))}</span></div>'
        )
        self._areas, self._ticks, self._ours, parts = {}, {}, {}, []
        for line in LINES:
            area = ipywidgets.Textarea(
                value=mine[line], description=say(paper.key_of(line)), rows=2, continuous_update=False, style=WIDE
            )
            area.observe(lambda _change: self._keep(), "value")
            tick = ipywidgets.Checkbox(
                value=line in ticks, description=say(paper.tick_of(line)), indent=False, style=WIDE
            )
            tick.observe(lambda _change: self._keep(), "value")
            ours = ipywidgets.HTML()
            self._areas[line], self._ticks[line], self._ours[line] = area, tick, ours
            written, ticked = ipywidgets.VBox([area]), ipywidgets.VBox([ours, tick])
            written.add_class("ecr-written")
            ticked.add_class("ecr-points")
            parts += [written, ticked]
        self._said = ipywidgets.HTML()
        show = ipywidgets.Button(description=say("desk.ours_button"))
        show.add_class("ecr-primary")
        show.on_click(lambda _button: self._soon(self._beside))
        self.box = ipywidgets.VBox([top, *parts, _bar(show), self._said])
        for name in ("ecrlab", "ecr-exercise", "ecr-desk"):
            self.box.add_class(name)
        self._shown(bool(ticks))

    def _keep(self) -> None:
        ticks = [line for line in LINES if self._ticks[line].value]
        self.desk.write_postmortem(self.ticket, {line: self._areas[line].value for line in LINES}, ticks)

    def _shown(self, beside: bool) -> None:
        for line in LINES:
            self._ticks[line].layout.display = None if beside else "none"

    def _beside(self) -> None:
        self._keep()
        try:
            ours = self.desk.ours(self.ticket)
            if not any(self.desk.postmortem(self.ticket)[0].values()):
                raise DeskError(say("desk.yours_first"))
        except DeskError as error:
            self._want(str(error))
            return
        for line in LINES:
            self._ours[line].value = note(say("desk.ours"), ours[line]).html
        self._shown(True)
        self._want(say("desk.kept_next" if self.desk.others_to_write_about(self.ticket) else "desk.kept"))

    def _want(self, words: str) -> None:
        self._said.value = f'<div class="ecr-soft" role="status">{markdown(words)}</div>'

    def _say(self, verdict: Verdict) -> None:
        self._said.value = verdict_html(verdict)

    def show(self) -> None:
        """Display the card."""
        text = paper.postmortem(self.desk, self.ticket)
        self._display(text, f'<div class="ecr-card"><pre>{escape(text)}</pre></div>')
