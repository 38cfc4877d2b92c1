"""The policy editor's logic and its widget, without a browser."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecrlab_course.policy_editor.editor import Editor, EditorError
from ecrlab_course.policy_editor.widget import WAIT, PolicyEditor
from ecrlab_course.toolbox.lab import Lab
from ecrlab_course.views import decision

APP = "arn:aws:ecr:us-east-1:123456789012:repository/my-web-app"
USERS = "arn:aws:iam::123456789012:user"
PULL = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "Resource": APP},
    ],
}
OPS = {"user": "ops", "policy": "pull"}
TASKS = ["login", "pull", "push my-web-app"]


@pytest.fixture
def bare(lab: Lab) -> Lab:
    """The lab with an ops that has no policy."""
    arn = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
    lab.client("iam").detach_user_policy(UserName="ops", PolicyArn=arn)
    return lab


def editor(lab: Lab, kind: type[Editor] = Editor) -> Any:
    return kind(lab, PULL, ["ops", "ci"], TASKS, ["my-web-app", "billing"], OPS)


def test_the_matrix_is_of_the_text_and_nothing_is_saved(bare: Lab) -> None:
    made = editor(bare)
    after = bare.last()
    matrix = made.matrix()
    assert [column.label for column in matrix.columns] == [
        "login",
        "pull my-web-app",
        "pull billing",
        "push my-web-app",
    ]
    assert [cell.state for cell in matrix.rows[0]] == ["not allowed", "allowed", "not allowed", "not allowed"]
    assert matrix.state("ci", "pull billing") == "allowed"
    made.text = made.text.replace('"ecr:BatchGetImage",', '"ecr:BatchGetImage", "ecr:PutImage",')
    assert made.matrix().state("ops", "push my-web-app") == "in part"
    made.text = json.dumps({**PULL, "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    assert made.matrix().state("ops", "login") == "forbidden"
    assert "⊘ forbidden" in repr(made.matrix())
    assert bare.last() == after
    assert bare.client("iam").list_user_policies(UserName="ops")["PolicyNames"] == []
    with pytest.raises(KeyError, match="rows ops, ci"):
        made.matrix().cell("ops", "push")


def test_a_text_that_is_refused_keeps_the_last_matrix(bare: Lab) -> None:
    made = editor(bare)
    good = made.matrix()
    made.text = made.text.replace('"Resource"', '"Resorce"')
    assert made.problem is not None
    assert (made.problem.word, made.problem.hint) == ('"Resorce"', "did you mean Resource?")
    assert made.matrix() is good
    assert made.stale
    with pytest.raises(EditorError, match="Not saved"):
        made.save()
    assert "✗ IAM would refuse it: line" in made.form()


def test_saved_it_counts_and_reset_puts_the_text_back(bare: Lab) -> None:
    made = editor(bare)
    first = made.text
    made.text = json.dumps({**PULL, "Statement": [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}]})
    assert "policy pull of user ops" in made.save()
    bare.push("my-web-app", "1", profile="ops")
    made.reset()
    assert made.text == first
    again = Editor(bare, OPS)
    assert json.loads(again.text)["Statement"][0]["Action"] == "ecr:*"
    assert again.principals == ("ops",)


def test_repository_policy_trust_and_file(bare: Lab, tmp_path: Path) -> None:
    shared = Editor(bare, {"repository": "my-web-app"}, ["partner"], ["pull", "push"])
    assert shared.problem is None
    document = json.loads(shared.text)
    document["Statement"][0]["Principal"] = {"AWS": "444455556666"}
    shared.text = json.dumps(document)
    assert [cell.state for cell in shared.matrix().rows[0]] == ["allowed", "not allowed"]
    shared.save()
    assert "444455556666" in Editor(bare, {"repository": "my-web-app"}).text
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(PULL), encoding="utf-8")
    alone = Editor(bare, path, ["admin"], TASKS, ["my-web-app"])
    assert [cell.state for cell in alone.matrix().rows[0]] == ["not allowed", "allowed", "not allowed"]
    alone.text = "{}"
    assert "IAM would refuse it" in alone.save()
    assert path.read_text(encoding="utf-8") == "{}"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (({"user": "ops"},), "needs a name"),
        (({"person": "ops"},), "A place for the policy is"),
        (("nowhere.json",), "There is no file"),
        ((7,), "got int"),
        ((PULL, ["ops"], ["pusch"]), "There is no action 'pusch'"),
    ],
)
def test_what_cannot_be_opened_is_said(bare: Lab, arguments: Any, words: str) -> None:
    with pytest.raises(EditorError, match=words):
        Editor(bare, *arguments)


def test_a_meaningless_action_is_a_note(bare: Lab) -> None:
    made = editor(bare)
    made.text = made.text.replace("ecr:BatchGetImage", "ecr:GetAuthToken")
    assert made.problem is None
    assert [(note.word, note.hint) for note in made.notes] == [
        ('"ecr:GetAuthToken"', "did you mean ecr:GetAuthorizationToken?")
    ]


def test_the_widget_follows_typing_after_a_pause(bare: Lab) -> None:
    async def type_and_wait() -> list[str]:
        made = editor(bare, PolicyEditor)
        button = made._cells["ops", "login"]
        seen = [button.description]
        wide = json.dumps({**PULL, "Statement": [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}]})
        for end in (len(wide) - 2, len(wide) - 1, len(wide)):
            made._area.value = wide[:end]
        seen.append(button.description)
        await asyncio.sleep(WAIT + 0.5)
        seen.append(button.description)
        made._area.value = wide[:-1]
        await asyncio.sleep(WAIT + 0.5)
        assert "ecr-stale" in made.box._dom_classes
        assert "IAM would refuse it" in made._said.value
        return seen

    assert asyncio.run(type_and_wait()) == ["✗ not allowed", "✗ not allowed", "✓ allowed"]


STATEMENT = {"Effect": "Allow", "Action": "ecr:PutImage", "Resource": APP}
FOREIGN = APP.replace("arn:aws:", "arn:aws-cn:")


def document(**more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{**STATEMENT, **more}]}, ensure_ascii=False)


def of_length(number: int) -> str:
    """A policy of so many characters, white space not counted."""
    sids = document(Sid="x")
    return sids.replace('"x"', f'"{"x" * (number + 1 - len("".join(sids.split())))}"')


@pytest.mark.parametrize(
    ("text", "place", "word", "said"),
    [
        (document(), OPS, None, ""),
        (of_length(2048), OPS, None, ""),
        (of_length(2048) + " " * 5000, OPS, None, ""),
        (of_length(2049), OPS, "", "Maximum policy size of 2048 bytes.* 2,049 without white space"),
        (of_length(2049), {"role": "deployer", "policy": "p"}, None, ""),
        (of_length(10241), {"role": "deployer", "policy": "p"}, "", "Maximum policy size of 10240 bytes"),
        (document(Sid="“Pull”"), OPS, "“", "regular expression pattern.*U\\+201C"),
        (f"\ufeff{document()}", OPS, "", "BOM"),
        (document(Resource=FOREIGN), OPS, f'"{FOREIGN[:58]}…', 'Partition "aws-cn" is not valid'),
        (document()[:-2] + ",]}", OPS, ",", "nothing follows this comma"),
        (document(), {"user": "nobody", "policy": "p"}, "", "nobody cannot be found"),
        (document(), {"repository": "my-web-app"}, "{", "Invalid repository policy provided"),
        (document(Principal={"AWS": "*"}, Resource=APP), {"repository": "my-web-app"}, None, ""),
        (document(Principal={"AWS": f"{USERS}/nobody"}), {"repository": "my-web-app"}, "", "Principal not found"),
        (f"\ufeff{document()}", {"repository": "my-web-app"}, "", "BOM"),
        (of_length(10241), {"repository": "my-web-app"}, "", "less than or equal to 10240"),
        (document(Sid=USERS), {"trust": "deployer"}, f'"{USERS}"', "alpha-numeric"),
    ],
)
def test_what_the_editor_says_is_what_save_says(bare: Lab, text: str, place: Any, word: str | None, said: str) -> None:
    trust = document(Action="sts:AssumeRole", Principal={"AWS": "*"}).replace(f', "Resource": "{APP}"', "")
    bare.client("iam").create_role(RoleName="deployer", AssumeRolePolicyDocument=trust)
    made = Editor(bare, document(), ["ops"], ["login"], target=place)
    made.text = text
    found, target = made.problem, made.target
    assert target is not None
    if target.key == "repository":
        act, more = bare.client("ecr").set_repository_policy, {"repositoryName": target.holder, "policyText": text}
    elif target.key == "trust":
        act, more = bare.client("iam").update_assume_role_policy, {"RoleName": target.holder, "PolicyDocument": text}
    else:
        act = getattr(bare.client("iam"), f"put_{target.key}_policy")
        more = {f"{target.key.title()}Name": target.holder, "PolicyName": target.name, "PolicyDocument": text}
    if found is None:
        assert word is None
        act(**more)
        return
    assert found.word == word
    assert re.search(said, str(found), re.DOTALL), str(found)
    with pytest.raises(ClientError) as refused:
        act(**more)
    assert found.message == refused.value.response["Error"]["Message"].replace(text, "…")


def test_other_policies_of_a_user_count(bare: Lab) -> None:
    bare.client("iam").put_user_policy(UserName="ops", PolicyName="other", PolicyDocument=of_length(2000))
    made = editor(bare)
    assert "Maximum policy size of 2048 bytes exceeded for user ops" in str(made.problem)


def test_a_text_far_above_the_limits_is_refused_at_once(bare: Lab) -> None:
    made = editor(bare, PolicyEditor)
    begun = time.monotonic()
    made.text = of_length(700_000)
    assert time.monotonic() - begun < 1
    assert "The longest policy text that IAM takes is 131,072 characters; this one has 700,0" in made._said.value
    begun = time.monotonic()
    made.text = of_length(131_000)
    assert time.monotonic() - begun < 2
    assert len(made._said.value) < 2000


def test_what_would_do_is_told_when_it_is_asked_for(bare: Lab) -> None:
    made = editor(bare)
    assert '"Effect": "Allow"' not in made.explain("ops", "login")
    assert "editor.explain('ops', 'login', suggest=True)" in made.explain("ops", "login")
    assert '"Effect": "Allow"' in made.explain("ops", "login", suggest=True)
    after = bare.last()
    with pytest.raises(ClientError):
        bare.client("ecr", "ops").describe_images(repositoryName="my-web-app")
    row = next(each for each in bare.control.xray(after=after, opened=True)["rows"] if each["decision"] == "denied")
    asked, told = decision.shown(row), decision.shown(row, suggest=True)
    assert '"Effect": "Allow"' not in asked.text
    assert f"lab.why({row['seq']}, suggest=True)" in asked.text
    assert '"Effect": "Allow"' in told.text
    assert '"Effect": "Allow"' not in decision.xray_text([row])


def test_cells_open_and_buttons_never_raise(bare: Lab) -> None:
    made = editor(bare, PolicyEditor)
    made._cells["ops", "login"].click()
    assert "ecr:GetAuthorizationToken" in made._opened.value
    assert '<details class="ecr-suggestion"><summary' in made._opened.value  # closed: it has the finished statement
    made._cells["ops", "login"].click()
    assert made._opened.value == ""
    made.text = "{"
    made._buttons["Save"].click()
    assert "Not saved" in made._done.value
    made._buttons["Reset"].click()
    assert json.loads(made._area.value) == PULL
    made._buttons["Save"].click()
    assert "Saved" in made._done.value
    bundle = made._repr_mimebundle_()
    assert bundle["text/plain"] == made.form()
    assert "<script" not in bundle["text/html"]
    made.text = json.dumps({**PULL, "Id": "<b>bold</b>"})
    assert "<b>bold" not in made.static()


def test_a_row_opens_on_the_page_and_in_text(bare: Lab) -> None:
    after = bare.last()
    ecr = bare.client("ecr", "ops")
    for _ in range(2):
        with pytest.raises(ecr.exceptions.ClientError):
            ecr.list_images(repositoryName="my-web-app")
    rows = bare.control.xray(after, opened=True)["rows"]
    page = decision.xray_html(rows)
    assert page.count('<details class="ecr-asked') == 1
    assert "2 times" in page
    assert "&quot;Action&quot;: &quot;ecr:ListImages&quot;" in page
    text = decision.xray_text(rows)
    assert "Blocked by: identity-based policies" in text
    assert f"lab.why({rows[0]['seq']}, suggest=True)" in text
    assert "IAM was not asked" in decision.shown({"seq": 1, "method": "GET", "path": "/v2/", "decisions": []}).text
    old = [{**rows[0], "decisions": [{k: v for k, v in rows[0]["decisions"][0].items() if k != "opened"}]}]
    assert "no identity-based policy allows ecr:ListImages" in decision.xray_text(old)
