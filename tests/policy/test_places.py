"""Where in a policy's text the thing stands that IAM refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecrlab.policy import PolicyKind, validate
from ecrlab.policy.places import notes, problem

GOOD = """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "Pull",
      "Effect": "Allow",
      "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
      "Resource": "arn:aws:ecr:us-east-1:123456789012:repository/my-web-app"
    }
  ]
}"""


@pytest.mark.parametrize(
    ("old", "new", "line", "word"),
    [
        ('"Allow"', '"allow"', 6, '"allow"'),
        ('"Action"', '"Acton"', 7, '"Acton"'),
        ('"ecr:GetD', '"GetD', 7, '"GetDownloadUrlForLayer"'),
        ('"arn:aws:ecr:us-east-1:123456789012:repository/', '"', 8, '"my-web-app"'),
        ('"Pull",', '"Pull"', 5, '"Pull"'),
        ("2012-10-17", "2026-01-01", 2, '"2026-01-01"'),
        ('"Pull"', '"Pull it"', 5, '"Pull it"'),
        ('      "Effect": "Allow",\n', "", 4, "{"),
        ('my-web-app"', 'my-web-app",', 8, ","),
        ('UrlForLayer"', 'UrlForLayer",', 7, ","),
        ('{\n  "Version"', '\ufeff{\n  "Version"', 1, ""),
        ('"Sid": "Pull"', '"Principal": "*"', 5, '"*"'),
        ('"Sid": "Pull"', '"Condition": {"StringEqual": {"aws:username": "x"}}', 5, '"StringEqual"'),
        ('"Sid": "Pull"', '"Condition": {"StringEquals": {"username": "x"}}', 5, '"username"'),
        ('"Sid": "Pull"', '"NotAction": "s3:*"', 5, '"NotAction"'),
        ('"Sid": "Pull"', '"Effect": "Deny"', 6, '"Effect"'),
        ("\n}", "", 10, "]"),
    ],
)
def test_the_word_is_found(old: str, new: str, line: int, word: str) -> None:
    text = GOOD.replace(old, new) if old != "\n}" else GOOD.removesuffix("\n}")
    found = problem(text)
    assert found is not None
    assert found.message == validate(text)
    assert (found.line, found.word) == (line, word)
    assert text.split("\n")[line - 1][found.column - 1 :].startswith(word)


def test_a_good_policy_has_no_problem_and_no_notes() -> None:
    assert problem(GOOD) is None
    assert notes(GOOD, ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]) == []


@pytest.mark.parametrize(("kind", "word"), [("resource", "{"), ("trust", '"arn:aws:ecr')])
def test_each_kind_has_its_own_rules(kind: PolicyKind, word: str) -> None:
    text = GOOD.replace('"Sid": "Pull"', '"Principal": "*"') if kind == "trust" else GOOD
    found = problem(text, kind)
    assert found is not None
    assert found.word.startswith(word)


def test_notes_name_actions_that_mean_nothing() -> None:
    text = GOOD.replace("ecr:BatchGetImage", "ecr:BatchGetImages").replace("ecr:GetDown", "s3:GetDown")
    (note,) = notes(text, ["ecr:BatchGetImage"])
    assert (note.word, note.hint, note.refused) == ('"ecr:BatchGetImages"', "did you mean ecr:BatchGetImage?", False)


@given(st.integers(0, len(GOOD)), st.integers(0, 6), st.text(max_size=4), st.sampled_from(["identity", "trust"]))
def test_every_broken_text_has_a_place(at: int, cut: int, put: str, kind: PolicyKind) -> None:
    text = GOOD[:at] + put + GOOD[at + cut :]
    found = problem(text, kind)
    assert (found is None) == (validate(text, kind) is None)
    if found is not None:
        assert 1 <= found.line <= text.count("\n") + 1
        notes(text, ["ecr:PutImage"], kind)
