"""The X-ray as a learner sees it: three lanes (client, registry or API, IAM) and a plain table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ecrlab_course.documents.xray_row import Row
from ecrlab_course.messages import say
from ecrlab_course.views.display import Shown, escape

_SERVICES = {
    "ecr": "ECR API",
    "iam": "IAM API",
    "sts": "STS API",
    "registry": "registry",
    "hub": "hub",
    "layers": "layer store",
}


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
    """Requests that look the same, one after the other."""

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


def _key(row: Row, digests: bool) -> tuple[Any, ...]:
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
    """Group neighbouring rows that look the same; layers that docker sends side by side count as neighbours.

    docker uploads several layers at once, so their rows are interleaved differently each time. Within a run of upload
    rows of one client the same requests are put together in order of first appearance.
    """
    grouped: dict[tuple[Any, ...], list[Row]] = {}
    result: list[Step] = []

    def flush() -> None:
        for key, group in grouped.items():
            numbers = [int(row.get("seq") or 0) for row in group]
            result.append(
                Step(
                    client=key[0],
                    who=key[1],
                    service=key[2],
                    request=key[3],
                    action=key[4],
                    decision=key[5],
                    reason=key[6],
                    status=key[7],
                    count=len(group),
                    sent=sum(int(row.get("bytes_in") or 0) for row in group),
                    received=sum(int(row.get("bytes_out") or 0) for row in group),
                    milliseconds=sum(float(row.get("duration_ms") or 0) for row in group),
                    numbers=(min(numbers), max(numbers)),
                )
            )
        grouped.clear()

    for row in rows:
        key = _key(row, digests)
        # A manifest or an API call ends a run: what follows it happened after it.
        parallel = key[2] in ("registry", "hub", "layers") and "/blobs/" in str(row.get("path"))
        if not parallel and key not in grouped:
            flush()
        grouped.setdefault(key, []).append(row)
    flush()
    return result


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
    names = ["client", "who", "request", "action", "decision", "status"]
    if details:
        names = ["number", *names, "sent", "received", "ms"]
    head = [say(f"x-ray.head_{name}") for name in names]
    lines = [head]
    for step in steps(rows, digests=details):
        action = say("x-ray.scope", scope=step.action) if step.service == "hub" and step.action else step.action or "-"
        answer = str(step.status or say("x-ray.unanswered"))
        cells = [step.client, step.who, step.request, action, _decided(step.decision), answer]
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


_LEFT, _MIDDLE, _RIGHT = 74, 470, 720
_WIDTH = 860
_TOP, _HEIGHT = 56, 50


def _short(words: str, length: int) -> str:
    return words if len(words) <= length else words[: length - 1] + "…"


def svg(rows: Sequence[Row]) -> str:
    """Return the drawing: each request an arrow from client to registry or API, each decision an arrow to IAM."""
    parts = []
    drawn = steps(rows)
    height = _TOP + _HEIGHT * len(drawn) + 12
    for x, name in ((_LEFT, "client"), (_MIDDLE, "registry"), (_RIGHT, "iam")):
        parts.append(f'<line class="lane" x1="{x}" y1="34" x2="{x}" y2="{height - 6}"/>')
        parts.append(f'<rect class="head" x="{x - 62}" y="6" width="124" height="28" rx="6"/>')
        parts.append(f'<text x="{x}" y="25" text-anchor="middle">{say(f"x-ray.lane_{name}")}</text>')
    for index, step in enumerate(drawn):
        y = _TOP + index * _HEIGHT + 22
        denied = _answer(step)[0] == "no"
        if denied:
            parts.append(f'<rect class="band" x="0" y="{y - 20}" width="{_WIDTH}" height="{_HEIGHT - 4}" rx="4"/>')
            for x in (_LEFT, _MIDDLE, _RIGHT):
                parts.append(f'<line class="lane" x1="{x}" y1="{y - 20}" x2="{x}" y2="{y + 26}"/>')
        parts.append(f'<text x="8" y="{y - 3}">{escape(_short(step.client, 9))}</text>')
        parts.append(f'<text class="soft" x="8" y="{y + 14}">{escape(_short(step.who, 9))}</text>')
        times = f", {say('x-ray.times', number=step.count)}" if step.count > 1 else ""
        parts.append(
            f'<text class="mono" x="{_LEFT + 12}" y="{y - 5}">'
            f"{escape(_short(step.request, 50 - len(times)))}{times}</text>"
        )
        parts.append(_arrow(_LEFT, _MIDDLE, y + 2, "a-no" if denied else ""))
        answer, words = _answer(step)
        traffic = say("x-ray.traffic", sent=size(step.sent), received=size(step.received))
        parts.append(
            f'<text x="{_LEFT + 12}" y="{y + 18}"><tspan class="{answer}">{words}</tspan> '
            f'<tspan class="soft" dx="6">{traffic}</tspan></text>'
        )
        if step.service == "hub":
            # No IAM here: a token is given for scopes, and its scopes decide.
            scope = say("x-ray.no_scope")
            if step.action:
                scope = f"{_decided(step.decision)}: {say('x-ray.scope', scope=step.action)}"
            kind = {"allowed": "ok", "denied": "no"}.get(step.decision, "soft")
            parts.append(f'<text class="{kind}" x="{_MIDDLE + 10}" y="{y + 4}">{escape(_short(scope, 40))}</text>')
        elif step.action:
            decision = "no" if step.decision == "denied" else "ok"
            parts.append(f'<text class="mono" x="{_MIDDLE + 10}" y="{y - 5}">{escape(_short(step.action, 34))}</text>')
            parts.append(_arrow(_MIDDLE, _RIGHT, y + 2, f"a-{decision}"))
            parts.append(f'<text class="{decision}" x="{_RIGHT + 14}" y="{y + 6}">{_decided(step.decision)}</text>')
        else:
            parts.append(f'<text class="soft" x="{_MIDDLE + 10}" y="{y + 4}">{say("x-ray.iam_not_asked")}</text>')
    label = say("x-ray.label", number=len(rows))
    drawing = "\n".join(parts)  # where a drawing is left out, its words still stand apart
    return (
        f'<svg role="img" aria-label="{label}" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" xmlns="http://www.w3.org/2000/svg">{drawing}</svg>'
    )


def _arrow(left: int, right: int, y: int, kind: str) -> str:
    return f'<path class="arrow {kind}" d="M{left + 2} {y}H{right - 3}m-7 -4l7 4l-7 4"/>'


def _cell(column: str) -> str:
    """Return a cell's opening tag: long words may break in the wide columns, so that the last column is never cut."""
    return "<td>" if column in ("request", "action", "why") else '<td class="narrow">'


def shown(rows: Sequence[Row], title: str, details: bool = False) -> Shown:
    """Return drawing and table of the rows under a title."""
    body = text(rows, details)
    if not rows:
        return Shown(f"{title}\n{body}", f'<div class="ecr-title">{escape(title)}</div><p>{escape(body)}</p>')
    head = ("number", "client", "who", "request", "action", "why", "status", "sent", "back", "ms")
    cells = []
    for row in rows:
        decision = _decided(row.get("decision"))
        because = row.get("reason") or row.get("said")
        why = f"{decision}: {because}" if because else decision
        scope = row.get("service") == "hub" and row.get("action")
        values = (
            row.get("seq"),
            row.get("client"),
            who(row),
            request(row, digests=True),
            say("x-ray.scope", scope=row["action"]) if scope else row.get("action") or "-",
            why,
            row.get("status"),
            size(int(row.get("bytes_in") or 0)),
            size(int(row.get("bytes_out") or 0)),
            f"{float(row.get('duration_ms') or 0):.1f}",
        )
        cells.append(
            "<tr>"
            + "".join(f"{_cell(name)}{escape(value)}</td>" for name, value in zip(head, values, strict=True))
            + "</tr>"
        )
    heads = "".join(f'<th scope="col">{say(f"x-ray.head_{name}")}</th>' for name in head)
    return Shown(
        f"{title}\n{body}",
        f'<div class="ecr-title">{escape(title)}</div>'
        # The attribute keeps JupyterLab from taking Enter and the arrow keys; see kinds/inputs.py.
        f'<div class="ecr-xray" tabindex="0" data-lm-suppress-shortcuts="true" role="group" '
        f'aria-label="{escape(title)}">{svg(rows)}<details><summary data-lm-suppress-shortcuts="true">'
        f"{say('x-ray.table')}</summary>"
        f'<table class="ecr-table ecr-requests"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(cells)}</tbody></table></details></div>",
    )
