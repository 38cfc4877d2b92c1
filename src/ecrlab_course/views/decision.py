"""A decision of IAM opened on the page, and the X-ray's rows that open to theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from ecrlab.client import decision_text
from ecrlab_course.documents.xray_row import Row
from ecrlab_course.messages import say
from ecrlab_course.views.display import Shown, breaking, escape
from ecrlab_course.views.xray import request, who


@cache
def style() -> str:
    """Return the style element of opened decisions and of the policy editor."""
    css = (files("ecrlab_course.views") / "decision.css").read_text(encoding="utf-8")
    return f"<style>{' '.join(css.split())}</style>"


def html(decision: Mapping[str, Any], head: bool = True) -> str:
    """Return a decision (as `LabClient.decide` returns it) as HTML: the verdict, why, and what would do.

    With `head` false the verdict's own line is left out, for places that say it already.
    """
    kind = "ecr-ok" if decision["allowed"] else "ecr-no"
    parts = []
    if head:
        icon, _, words = decision_text.headline(decision).partition(" ")
        parts.append(
            f'<p class="ecr-verdictline"><span class="ecr-state" aria-hidden="true">{icon}</span> '
            f"<b>{escape(words)}</b></p>"
        )
    parts += [f'<p class="ecr-soft">{escape(note)}</p>' for note in decision.get("notes") or ()]
    blocked = decision_text.blocked(decision)
    if blocked:
        parts.append(f"<p>{escape(blocked)}</p>")
    if decision.get("message"):
        parts.append(f"<p>{say('why.aws')} <q>{breaking(decision['message'])}</q></p>")
    parts.append(f"<p>{breaking(decision['explanation'])}</p>")
    parts.append(_suggest(decision))
    parts.append(_statements(decision))
    parts.append(_context(decision))
    return f'<div class="ecr-decision {kind}">{"".join(parts)}</div>'


def _json(statement: object, label: str) -> str:
    return (
        f'<pre class="ecr-copy" tabindex="0" aria-label="{escape(label)}">'
        f"{escape(decision_text.statement_text(statement))}</pre>"
    )


def _suggest(decision: Mapping[str, Any]) -> str:
    suggestion = decision.get("suggestion")
    if not suggestion:
        return ""
    # Closed: a learner who looks for the cause does not want to read the finished statement beside it.
    parts = [
        f'<details class="ecr-suggestion"><summary>{say("why.fix")}</summary><p>{escape(suggestion["advice"])}</p>'
    ]
    for piece in suggestion["statements"]:
        if len(suggestion["statements"]) > 1:
            parts.append(f"<p>{escape(say('why.place', place=piece['where']))}</p>")
        parts.append(_json(piece["statement"], say("why.copy", place=piece["where"])))
    if suggestion["warning"]:
        parts.append(
            f'<p class="ecr-warning ecr-wait"><span class="ecr-state">! {say("why.wide")}</span> '
            f"{escape(suggestion['warning'])}</p>"
        )
    if suggestion["set"]:
        more = suggestion["set"]
        parts.append(
            f"<details><summary>{escape(say('why.whole', purpose=more['purpose']))}</summary>"
            f"<p>{escape(decision_text.set_words(more))}</p>"
            f"{_json(more['statement'], say('why.copy_whole', purpose=more['purpose']))}</details>"
        )
    return "".join([*parts, "</details>"])


def _statements(decision: Mapping[str, Any]) -> str:
    rows: Sequence[Mapping[str, Any]] = decision["statements"]
    if not rows:
        said = say("why.no_statement")
        return f"<p>{said}</p>" if decision.get("verdict") else ""
    lines = []
    for row in rows:
        state, words = decision_text.row_words(row)
        mark = "ecr-on" if row["decided"] or row["applied"] else "ecr-soft"
        lines.append(
            f'<li class="{mark}"><b>{escape(state)}</b> {breaking(words)}'
            f"<details><summary>{say('why.statement')}</summary>"
            f"{_json(row['statement'], say('why.label', label=row['label']))}</details></li>"
        )
    hidden = int(decision.get("hidden") or 0)
    more = f'<p class="ecr-soft">{say("why.hidden", number=hidden)}</p>' if hidden else ""
    number = say("why.in_play", number=len(rows)) if len(rows) > 1 else say("why.one_in_play")
    return f"<details><summary>{number}</summary><ul>{''.join(lines)}</ul>{more}</details>"


def _context(decision: Mapping[str, Any]) -> str:
    if not decision["context"]:
        return ""
    lines = "".join(
        f'<tr><th scope="row"><code>{escape(key)}</code></th>'
        f"<td>{breaking(', '.join(value) if isinstance(value, list) else value)}</td></tr>"
        for key, value in sorted(decision["context"].items())
    )
    return (
        f"<details><summary>{say('why.context')}</summary>"
        f'<table class="ecr-table"><tbody>{lines}</tbody></table></details>'
    )


# ---------------------------------------------------------------------------------------------------------------- X-ray


def _grouped(rows: Sequence[Row]) -> list[tuple[Row, Mapping[str, Any], int]]:
    """The questions of these rows, equal ones together: first row, decision opened, how many times."""
    found: dict[tuple[str, ...], list[Any]] = {}
    for row in rows:
        # The hub's are scopes, which IAM was not asked about.
        for each in () if row.get("service") == "hub" else row.get("decisions") or ():
            key = (str(row.get("principal")), *(str(each.get(k)) for k in ("action", "resource", "decision", "reason")))
            if key in found:
                found[key][2] += 1
            else:
                opened = decision_text.flat(each)
                opened["principal"] = opened["principal"] or row.get("principal") or "*"
                found[key] = [row, opened, 1]
    return [(row, opened, times) for row, opened, times in found.values()]


def xray_html(rows: Sequence[Row]) -> str:
    """Return the rows' questions to IAM, each of which opens to its decision; "" when IAM was not asked."""
    lines = []
    for row, decision, times in _grouped(rows):
        kind = "ecr-ok" if decision["allowed"] else "ecr-no"
        word = say("x-ray.allowed" if decision["allowed"] else "x-ray.denied")
        often = f" · {say('x-ray.times', number=times)}" if times > 1 else ""
        on = say("why.on", thing=decision_text.short(str(decision["resource"])))
        lines.append(
            f'<details class="ecr-asked {kind}"><summary><span class="ecr-state">{word}</span> '
            f"<code>{breaking(decision['action'])}</code> {breaking(on)} "
            f'<span class="ecr-soft">{breaking(who(row))} · {breaking(request(row))}{often}</span></summary>'
            f"{html(decision, head=False)}</details>"
        )
    if not lines:
        return ""
    return (
        f'{style()}<div class="ecr-asks" role="group" aria-label="{say("why.asked")}">'
        f'<div class="ecr-soft">{say("why.open")}</div>{"".join(lines)}</div>'
    )


def xray_text(rows: Sequence[Row]) -> str:
    """Return the rows' decisions in words: all of a denial, the verdict and its reason of the others."""
    parts = []
    for row, decision, times in _grouped(rows):
        often = f" ({say('x-ray.times', number=times)})" if times > 1 else ""
        if decision["allowed"]:
            parts.append(
                f"{decision_text.headline(decision)}{often}\n  {say('why.because', reason=decision['reason'])}"
            )
        else:
            head, _, rest = decision_text.text(decision, instead=_ask(row)).partition("\n")
            parts.append(f"{head}{often}\n{rest}")
    return "\n".join(parts)


def _ask(row: Row) -> str:
    return say("why.ask", number=row.get("seq"))


def shown(row: Row, details: bool = True, suggest: bool = False) -> Shown:
    """Return one row of the X-ray opened: each question that it put to IAM.

    Args:
        row: the row, with its decisions opened.
        details: the text form has all statements and the context.
        suggest: the text form has what would turn a denial; on the page it can be opened.
    """
    found = _grouped([row])
    asked = {"number": row.get("seq"), "who": who(row), "request": request(row), "status": row.get("status")}
    line = say("why.request", **asked)
    if not found:
        said = f"{say('why.not_asked')} {row.get('reason') or ''}".strip()
        return Shown(f"{line}\n{said}", f'<div class="ecr-title">{escape(line)}</div><p>{escape(said)}</p>')
    words = "\n".join(decision_text.text(decision, details, "" if suggest else _ask(row)) for _, decision, _ in found)
    inner = "".join(html(decision) for _, decision, _ in found)
    return Shown(f"{line}\n{words}", f'{style()}<div class="ecr-title">{escape(line)}</div>{inner}')
