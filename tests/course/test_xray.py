"""The X-ray's lines and tables."""

from __future__ import annotations

import random
import re
from typing import Any
from xml.etree import ElementTree

from ecrlab_course.views import decision, xray
from ecrlab_course.views.display import breaking, markdown

HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
DIGEST = "sha256:" + "ab" * 32


def row(seq: int, method: str, path: str, action: str | None, status: int, **more: Any) -> dict[str, Any]:
    made = {
        "seq": seq, "client": "docker", "principal": "arn:aws:iam::123456789012:user/ci", "service": "registry",
        "method": method, "path": path, "operation": None, "action": action, "status": status,
        "decision": "allowed" if action else "not asked", "reason": "",
        "bytes_in": 10, "bytes_out": 20, "duration_ms": 1.5,
    }  # fmt: skip
    return {**made, **more}


def push() -> list[dict[str, Any]]:
    upload = f"/v2/{HOST}/hello/blobs/uploads/"
    rows = [row(1, "GET", "/v2/", None, 401, principal=None), row(2, "GET", "/v2/", None, 200)]
    for layer in ("a", "b"):
        rows.append(row(0, "POST", upload, "ecr:InitiateLayerUpload", 202))
        rows.append(row(0, "PATCH", upload + layer * 8, "ecr:UploadLayerPart", 202, bytes_in=2_000_000))
        rows.append(row(0, "PUT", f"{upload}{layer * 8}?digest={DIGEST}", "ecr:CompleteLayerUpload", 201))
    rows.append(row(9, "PUT", f"/v2/{HOST}/hello/manifests/1", "ecr:PutImage", 201))
    return rows


def test_text_holds_no_numbers_that_change() -> None:
    text = xray.text(push())
    assert "✓ allowed" in text
    assert "nobody" in text
    assert "PUT /v2/hello/manifests/1" in text
    assert "2.0 MB" not in text
    assert "abab" not in text
    assert HOST not in text


def test_text_is_the_same_however_layers_were_interleaved() -> None:
    rows = push()
    wanted = xray.text(rows)
    layers = rows[2:8]
    for seed in range(20):
        first, second = layers[:3], layers[3:]
        mixed, choose = [], random.Random(seed)
        while first or second:
            mixed.append((first if first and (not second or choose.random() < 0.5) else second).pop(0))
        assert xray.text([*rows[:2], *mixed, rows[8]]) == wanted


def test_details_add_bytes_and_numbers() -> None:
    text = xray.text(push(), details=True)
    assert "4.0 MB" in text
    assert text.splitlines()[0].startswith("#")


def test_denied_is_a_word_and_an_icon() -> None:
    refused = row(
        1, "POST", f"/v2/{HOST}/hello/blobs/uploads/", "ecr:InitiateLayerUpload", 403, decision="denied",
        reason="no statement allows it <b>",
    )  # fmt: skip
    shown = xray.shown([refused], "title")
    assert "✗ denied" in shown.text
    assert "✗ denied" in shown.html
    assert "&lt;b&gt;" in shown.html
    assert "<b>" not in shown.html


def test_a_layer_that_is_looked_for_and_sent_comes_in_that_order() -> None:
    """docker sends the config after the layers, and looks for it first: its 404 is not that of a layer."""
    config = "cd" * 32
    upload, blob = f"/v2/{HOST}/hello/blobs/uploads/", f"/v2/{HOST}/hello/blobs/"
    look, after = (
        "ecr:BatchCheckLayerAvailability",
        [row(9, "PUT", f"/v2/{HOST}/hello/manifests/1", "ecr:PutImage", 201)],
    )
    layers = [*push()[2:8], row(8, "HEAD", f"{blob}{DIGEST}", look, 200)]
    sent = [
        row(10, "HEAD", f"{blob}sha256:{config}", look, 404),
        row(11, "POST", upload, "ecr:InitiateLayerUpload", 202),
        row(12, "PATCH", upload + "c" * 8, "ecr:UploadLayerPart", 202),
        row(13, "PUT", f"{upload}{'c' * 8}?digest=sha256:{config}", "ecr:CompleteLayerUpload", 201),
        row(14, "HEAD", f"{blob}sha256:{config}", look, 200),
    ]
    answers = [(step.request.split()[0], step.status) for step in xray.steps([*layers, *sent, *after])]
    assert answers[-6:] == [("HEAD", 404), ("POST", 202), ("PATCH", 202), ("PUT", 201), ("HEAD", 200), ("PUT", 201)]


def test_a_sentence_is_said_once() -> None:
    reason = "statement number 1 of the identity-based policy AdministratorAccess of user admin"
    rows = [{**each, "seq": number, "reason": reason} for number, each in enumerate(push()[2:], 40)]
    html = xray.shown(rows, "X-ray").html.replace("<wbr>", "")
    assert html.count(reason) == 1
    assert html.count("as in 40") == len(rows) - 1


def test_the_decision_comes_first() -> None:
    assert re.search(r"^✓ allowed +docker +ci +POST /v2/hello/blobs/uploads/", xray.text(push()), re.MULTILINE)
    first = ElementTree.fromstring(re.sub(r"<(wbr|br)>", r"<\1/>", xray.drawing(push()))).find("tbody/tr[3]/td")
    assert first is not None
    assert "".join(first.itertext()) == "✓ alloweddocker ci"


def test_names_may_go_on_in_a_new_line() -> None:
    assert breaking("arn:aws:ecr:us-east-1:1:repository/a<b") == (
        "arn:<wbr>aws:<wbr>ecr:<wbr>us-east-1:<wbr>1:<wbr>repository/<wbr>a&lt;b"
    )
    assert breaking("ecr:PutImage") == "ecr:<wbr>PutImage"
    assert "<code>ecr:<wbr>Put<wbr>Image</code>" in xray.drawing(push())
    assert breaking("denied: see https://x") == "denied: see https://<wbr>x"
    assert "<code>arn:<wbr>aws" in markdown("`arn:aws`")


def test_no_rows_is_a_sentence() -> None:
    assert "no request" in xray.shown([], "title").text


def test_the_hub_s_scopes_are_not_questions_to_iam() -> None:
    scope = {"principal": "learner", "action": "pull,push", "resource": "repository:library/busybox"}
    refused = {**scope, "decision": "denied", "reason": "learner has no role in library", "granted": ["pull"]}
    rows = [
        row(1, "GET", "/v2/", None, 401, principal=None, service="hub"),
        row(2, "GET", "/token?scope=x", "pull,push", 200, principal="learner", service="hub", operation="GET token",
            decision="denied", reason=refused["reason"], decisions=[refused]),
    ]  # fmt: skip
    text = xray.text(rows)
    assert re.search(r"✗ denied +docker +learner +GET /token +scope pull,push +200", text)
    drawing = xray.drawing(rows)
    assert "✗ denied" in drawing
    assert "scope pull,push" in drawing
    assert "no scope asked for" in drawing
    assert "IAM" not in drawing, "nobody asks IAM about the hub"
    assert decision.xray_html(rows) == ""
    assert "scope pull,push" in xray.shown(rows, "X-ray").html


def test_what_the_registry_said_stands_in_the_table() -> None:
    said = "name unknown: The repository with name 'x' does not exist in the registry with id '123456789012'"
    drawn = xray.shown([row(1, "HEAD", f"/v2/{HOST}/x/manifests/1", None, 404, said=said)], "X-ray")
    assert "name unknown: The repository with name" in drawn.html


def test_a_line_may_end_behind_each_part_of_an_arn() -> None:
    shown = markdown("on `arn:aws:ecr:us-east-1:1:repository/a` [there](https://x/arn:aws:y), not: here")
    assert "<code>arn:<wbr>aws:<wbr>ecr:<wbr>us-east-1:<wbr>1:<wbr>repository/<wbr>a</code>" in shown
    assert 'href="https://x/arn:aws:y"' in shown
    assert "not: here" in shown
