"""The X-ray as a learner sees it: a line for each request, its decision first, and a table of every request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from ecrlab_course.documents.xray_row import Row
from ecrlab_course.messages import say
from ecrlab_course.views.display import Shown, breaking, escape


def who(row: Row) -> str:
    """Return the short name of the principal: "admin", "role/deploy", or "nobody" when none was shown."""
    principal = row.get("principal")
    if not principal or principal == "*":
        return say("x-ray.nobody")
    return str(principal).split(":")[-1].removeprefix("user/")


def request(row: Row, digests: bool = False) -> str:
    """Return the request in a few words: an operation's name, or method and path without the registry's host.

    Upload ids always become `…`; digests become `sha256:…` unless `digests`.
    """
    if row.get("service") not in ("registry", "hub") and row.get("operation"):
        return str(row["operation"])
    parts = urlsplit(str(row.get("path") or ""))
    path = re.sub(r"^/v2/\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/", "/v2/", parts.path)
    path = re.sub(r"/blobs/uploads/[^/]+$", "/blobs/uploads/…", path)
    if path.startswith("/_blobs/"):
        path = "/_blobs/…"
    query = ""
    if "mount=" in parts.query:
        query = "?mount=…"
    elif "digest=" in parts.query and row.get("method") == "PUT":
        query = "?digest=…"
    text = f"{row.get('method')} {path}{query}"
    if not digests:
        text = re.sub(r"sha256:[0-9a-f]{64}", "sha256:…", text)
    else:
        text = re.sub(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}", r"\1…", text)
    return text


@dataclass(frozen=True)
class Step:
    """Requests that look the same."""

    client: str
    who: str
    service: str
    request: str
    action: str
    decision: str
    reason: str
    status: int
    count: int
    sent: int
    received: int
    milliseconds: float
    numbers: tuple[int, int]


def _key(row: Row, digests: bool) -> tuple[str, str, str, str, str, str, str, int]:
    return (
        str(row.get("client") or "unknown"),
        who(row),
        str(row.get("service") or ""),
        request(row, digests),
        str(row.get("action") or ""),
        str(row.get("decision") or "not asked"),
        str(row.get("reason") or ""),
        int(row.get("status") or 0),
    )


def steps(rows: Iterable[Row], digests: bool = False) -> list[Step]:
    """Return the requests in the order they came, those that look the same as one step.

    docker sends layers side by side, so their requests are interleaved differently each time. So the requests about
    one layer are put together in their order, and layers whose requests look the same become one: a layer that is
    looked for, not found and sent never reads as one that was sent before it was looked for.

    Args:
        rows: rows of the X-ray, oldest first.
        digests: tell requests for different digests apart.
    """
    found: list[Step] = []
    run: list[Row] = []

    def flush() -> None:
        stories: dict[tuple[Any, ...], list[list[Row]]] = {}
        for story in _stories(run):
            groups = [list(group) for _, group in groupby(story, key=lambda row: _key(row, digests))]
            same = stories.setdefault(tuple(_key(group[0], digests) for group in groups), [[] for _ in groups])
            for together, group in zip(same, groups, strict=True):
                together += group
        found.extend(_step(group, digests) for groups in stories.values() for group in groups)
        run.clear()

    for _, group in groupby(rows, key=lambda row: (_of_a_layer(row), _key(row, digests))):
        together = list(group)
        if _of_a_layer(together[0]):
            run += together
        else:  # a manifest or an API call ends a run: what follows it happened after it
            flush()
            found.append(_step(together, digests))
    flush()
    return found


def _of_a_layer(row: Row) -> bool:
    return row.get("service") in ("registry", "hub") and "blobs/" in str(row.get("path"))


def _stories(rows: Sequence[Row]) -> list[list[Row]]:
    """Put the requests about each layer together, in order of their first request.

    The answer to a POST names the upload that it began; the X-ray does not keep that, so the first POST is taken for
    the upload that is seen first. Two POSTs of one client look the same, so it does not matter which is which.
    """
    uploads: dict[str, str] = {}
    for row in rows:
        upload, digest = _upload(row), _digest(row)
        if upload:
            known = digest and digest not in uploads.values()
            uploads[upload] = digest if known else uploads.get(upload, upload)
    waiting = list(uploads)
    found: dict[str, list[Row]] = {}
    for number, row in enumerate(rows):
        upload, name = _upload(row), _digest(row)
        if upload:
            name = uploads[upload]
            if upload in waiting:
                waiting.remove(upload)
        elif not name and int(row.get("status") or 0) < 400 and waiting:
            name = uploads[waiting.pop(0)]
        found.setdefault(name or f"request {number}", []).append(row)
    return list(found.values())


def _upload(row: Row) -> str:
    found = re.search(r"/blobs/uploads/([^/?]+)", str(row.get("path")))
    return found[1] if found else ""


def _digest(row: Row) -> str:
    found = re.search(r"sha256(?::|%3A)([0-9a-f]{64})", str(row.get("path")))
    return found[1] if found else ""


def _step(rows: Sequence[Row], digests: bool) -> Step:
    numbers = [int(row.get("seq") or 0) for row in rows]
    return Step(
        *_key(rows[0], digests),
        count=len(rows),
        sent=sum(int(row.get("bytes_in") or 0) for row in rows),
        received=sum(int(row.get("bytes_out") or 0) for row in rows),
        milliseconds=sum(float(row.get("duration_ms") or 0) for row in rows),
        numbers=(min(numbers), max(numbers)),
    )


def size(number: int) -> str:
    """Return a number of bytes in words: 812 B, 2.0 KB, 2.1 MB."""
    if number < 1000:
        return f"{number} B"
    if number < 1_000_000:
        return f"{number / 1000:.1f} KB"
    return f"{number / 1_000_000:.1f} MB"


def text(rows: Sequence[Row], details: bool = False) -> str:
    """Return the plain table. Without `details` it holds no numbers that differ from run to run."""
    if not rows:
        return say("x-ray.none")
    names = ["decision", "client", "who", "request", "action", "status"]
    if details:
        names = ["number", *names, "sent", "received", "ms"]
    head = [say(f"x-ray.head_{name}") for name in names]
    lines = [head]
    for step in steps(rows, digests=details):
        answer = str(step.status or say("x-ray.unanswered"))
        cells = [_decided(step.decision), step.client, step.who, step.request, _asked(step) or "-", answer]
        if details:
            first, last = step.numbers
            cells = [f"{first}" if first == last else f"{first}-{last}", *cells]
            cells += [size(step.sent), size(step.received), f"{step.milliseconds:.0f}"]
        lines.append(cells)
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _decided(decision: object) -> str:
    return say(f"x-ray.{decision}" if decision in ("allowed", "denied") else "x-ray.not_asked")


def _answer(step: Step) -> tuple[str, str]:
    """Return a class and words for a status. A greeting without a login and a look for a layer are not failures."""
    if not step.status:
        return "no", f"✗ {say('x-ray.unanswered')}"
    if step.status < 400:
        return "ok", f"✓ {step.status}"
    if step.status == 401:
        return "wait", say("x-ray.answer_401")
    if step.status == 404 and step.request.startswith("HEAD"):
        return "wait", say("x-ray.answer_404")
    return "no", f"✗ {step.status}"


def _asked(step: Step) -> str:
    """Return what was asked for: IAM's action, or the hub's scope; "" for nothing."""
    return say("x-ray.scope", scope=step.action) if step.service == "hub" and step.action else step.action


def _name(text: object) -> str:
    """Return a name for a narrow column: it may break before its capital letters, too."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "<wbr>", breaking(text))


def drawing(rows: Sequence[Row]) -> str:
    """Return a line for each step as HTML: the decision, who asked the registry or API what, and what IAM was asked."""
    lines = []
    for step in steps(rows):
        kind, words = _answer(step)
        times = f" <b>{say('x-ray.times', number=step.count)}</b>" if step.count > 1 else ""
        traffic = say("x-ray.traffic", sent=size(step.sent), received=size(step.received))
        decided = {"allowed": "ecr-ok", "denied": "ecr-no"}.get(step.decision, "ecr-idle")
        # The hub has no IAM: a token is given for scopes, and its scopes decide.
        asked = f"<code>{_name(_asked(step))}</code>" if step.action else ""
        if not step.action:
            asked = say("x-ray.no_scope" if step.service == "hub" else "x-ray.iam_not_asked")
        lines.append(
            f'<tr class="{"ecr-refused" if kind == "no" else ""}">'
            f'<td><span class="{decided}"><span class="ecr-state">{_decided(step.decision)}</span></span><br>'
            f'{escape(step.client)} <span class="ecr-soft">{breaking(step.who)}</span></td>'
            f'<td class="ecr-to"><code>{_name(step.request)}</code>{times}<br>'
            f'<span class="ecr-{kind}"><span class="ecr-state">{words}</span></span> '
            f'<span class="ecr-soft">{traffic}</span></td>'
            f'<td class="{"ecr-to" if step.action else "ecr-soft"}">{asked}</td></tr>'
        )
    # The column's head follows what is in it: nobody asks IAM about the hub.
    decided_by = "lane_pass" if rows and all(row["service"] == "hub" for row in rows) else "lane_iam"
    heads = "".join(f'<th scope="col">{say(f"x-ray.{name}")}</th>' for name in (*_HEADS, decided_by))
    label = say("x-ray.label", number=len(rows))
    return (
        f'<table class="ecr-table ecr-lanes" aria-label="{label}"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


_HEADS = ("lane_decision", "lane_registry")
_COLUMNS = ("number", "decision", "client", "asked", "status", "traffic", "ms")


def _table(rows: Sequence[Row]) -> str:
    """Return a table of every request. A reason that was given before is named by the request that had it."""
    first: dict[str, object] = {}
    lines = []
    for row in rows:
        decision, because = _decided(row.get("decision")), str(row.get("reason") or row.get("said") or "")
        before = first.get(because)
        action = str(row.get("action") or "")
        asked = say("x-ray.scope", scope=action) if row.get("service") == "hub" else action
        cells = (
            row.get("seq"),
            f"{decision} {say('x-ray.as_in', number=before)}" if because and before else decision,
            f"{row.get('client')} {who(row)}",
            f"{request(row, digests=True)} · {asked}" if action else request(row, digests=True),
            row.get("status"),
            f"{size(int(row.get('bytes_in') or 0))}, {size(int(row.get('bytes_out') or 0))}",
            f"{float(row.get('duration_ms') or 0):.1f}",
        )
        lines.append(f"<tr>{''.join(f'<td>{_name(cell)}</td>' for cell in cells)}</tr>")
        if because and not before:
            first[because] = row.get("seq")
            lines.append(f'<tr class="ecr-why"><td></td><td colspan="{len(cells) - 1}">{breaking(because)}</td></tr>')
    heads = "".join(f'<th scope="col">{say(f"x-ray.head_{name}")}</th>' for name in _COLUMNS)
    return (
        f'<table class="ecr-table ecr-requests"><thead><tr>{heads}</tr></thead><tbody>{"".join(lines)}</tbody></table>'
    )


def shown(rows: Sequence[Row], title: str, details: bool = False) -> Shown:
    """Return the steps and a table of the rows under a title."""
    body = text(rows, details)
    if not rows:
        return Shown(f"{title}\n{body}", f'<div class="ecr-title">{escape(title)}</div><p>{escape(body)}</p>')
    return Shown(
        f"{title}\n{body}",
        f'<div class="ecr-title">{escape(title)}</div>'
        f'<div class="ecr-xray">{drawing(rows)}<details><summary>'
        f"{say('x-ray.table')}</summary>{_table(rows)}</details></div>",
    )
