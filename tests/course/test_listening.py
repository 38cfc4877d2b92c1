"""Which points an answer makes: precision and recall on answers that were labelled first, and each rule by itself."""

from __future__ import annotations

import tomllib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ecrlab_course.documents.sections import DocumentError
from ecrlab_course.drills.drill import drills
from ecrlab_course.listening.listener import flags, hear, is_said, sentences, told
from ecrlab_course.listening.marking import HEARD, LEFT, SAID, marking
from ecrlab_course.listening.wording import Wordings, split_wordings
from ecrlab_course.questions.question import questions
from ecrlab_course.views.display import plain

MEASURED = Path(__file__).parent / "listening" / "measured.toml"
ANSWERED = tomllib.loads(MEASURED.with_name("drills.toml").read_text(encoding="utf-8"))
MISHEARD = tomllib.loads(MEASURED.with_name("questions.toml").read_text(encoding="utf-8"))["answers"]
WEAK_AND_SAID = {(56, "login"), (77, "manifest"), (77, "layers"), (78, "manifest")}
"""What a weak answer does say: "log in to the other registry" is right, and only not all."""


@cache
def measured() -> dict[str, Any]:
    return tomllib.loads(MEASURED.read_text(encoding="utf-8"))


def counted(*batches: str) -> Counter[str]:
    """Count points heard and said (right), heard and not said (wrong), said and not heard (missed)."""
    found: Counter[str] = Counter()
    for each in measured()["answers"]:
        if each["batch"] in batches:
            question = measured()["questions"][each["question"]]
            points = {
                key: Wordings(tuple(point["heard"]), tuple(point["against"]))
                for key, point in question["points"].items()
            }
            heard = hear(each["text"], points, [tuple(pair) for pair in question["rivals"]])
            made, wanted = {key for key, one in heard.items() if one.made}, set(each["made"])
            found["answers"] += 1
            found["right"] += len(made & wanted)
            found["wrong"] += len(made - wanted)
            found["missed"] += len(wanted - made)
    return found


@pytest.mark.parametrize(
    ("batch", "number", "precision", "recall"),
    [("sixty", 60, 1.0, 0.98), ("fresh", 24, 0.9, 0.95), ("far", 24, 0.65, 0.33)],
)
def test_precision_and_recall(batch: str, number: int, precision: float, recall: float) -> None:
    """The figures of docs/listening.md; the last batch was never used to write a wording, and fails nothing more."""
    found = counted(batch)
    assert found["answers"] == number
    assert found["right"] / (found["right"] + found["wrong"]) >= precision
    assert found["right"] / (found["right"] + found["missed"]) >= recall


def test_salad_in_grammar() -> None:
    assert counted("salad")["wrong"] == 0
    assert counted("far-salad")["wrong"] <= 10, "what is known not to be caught by words"


def own_words() -> list[tuple[str, str, str, dict[str, Wordings], Any]]:
    """Every point of the course: whose it is, its key, its text, the wordings of its question, and the rivals."""
    asked = [(f"q{number}", each.points, each.rivals) for number, each in questions().items()]
    asked += [(key, each.points, each.rivals) for key, each in drills().items()]  # type: ignore[misc]
    return [
        (whose, point.key, plain(point.text), {each.key: each.wordings for each in points}, rivals)
        for whose, points, rivals in asked
        for point in points
    ]


def test_a_point_s_own_text_is_heard_as_that_point_and_rarely_as_another() -> None:
    own = other = others = 0
    words = [each for each in own_words() if each[3][each[1]].heard]
    deaf = []
    for whose, key, text, points, rivals in words:
        heard = hear(text, points, rivals)
        own += heard[key].made
        if not heard[key].made:
            deaf.append((whose, key))
        assert not heard[key].against, (whose, key, "its own text speaks against it")
        other += sum(each.made for name, each in heard.items() if name != key)
        others += len(heard) - 1
    assert own / len(words) >= 0.95, deaf
    assert other / others <= 0.08


def test_every_point_is_listened_for() -> None:
    assert [(whose, key) for whose, key, _, wordings, _ in own_words() if not wordings[key].heard] == []


@pytest.mark.parametrize(("drill", "answer"), [(drill, answer) for drill in ANSWERED for answer in ("strong", "half")])
def test_an_answer_to_a_drill_makes_its_points_and_no_others(drill: str, answer: str) -> None:
    assert made_in(drill, ANSWERED[drill][answer]) == ANSWERED[drill][f"{answer}_made"]


@pytest.mark.parametrize("drill", ANSWERED)
def test_a_weak_answer_and_an_empty_one_make_no_point_of_a_drill(drill: str) -> None:
    assert made_in(drill, ANSWERED[drill]["weak"]) == []
    assert made_in(drill, "") == []
    assert not is_said("")


def made_in(drill: str, text: str) -> list[str]:
    """Return the points that are heard in an answer to a drill."""
    asked = drills()[drill]
    heard = hear(text, {point.key: point.wordings for point in asked.points}, asked.rivals)
    return [key for key, one in heard.items() if one.made]


@pytest.mark.parametrize("number", questions())
def test_a_weak_answer_makes_no_point(number: int) -> None:
    made = {(number, key) for key in made_of(number, plain(questions()[number].weak))}
    assert made == {each for each in WEAK_AND_SAID if each[0] == number}


@pytest.mark.parametrize("answer", MISHEARD, ids=[str(each["question"]) for each in MISHEARD])
def test_what_a_candidate_said_is_heard_right(answer: dict[str, Any]) -> None:
    assert made_of(answer["question"], answer["text"]) == answer["made"]


def made_of(number: int, text: str) -> list[str]:
    """Return the points that are heard in an answer to a question."""
    return [key for key, one in questions()[number].heard(text).items() if one.made]


# Each rule ------------------------------------------------------------------------------------------------------------

HOURS = {"hours": Wordings(("12 hours",), ("24 hours",))}
RIGHTS = {"rights": Wordings(("login + not permission",))}
FIXED = {"fixed": Wordings(("tag + immutable",))}
ROLE = {"pulls": Wordings(("execution role + pull",))}


@pytest.mark.parametrize(
    ("text", "points", "made"),
    [
        ("It lasts twelve hours.", HOURS, True),
        ("It lasts 12h.", HOURS, True),
        ("Half a day, then you log in again.", HOURS, True),
        ("It lasts TWELVE HOUR.", HOURS, True),
        ("It does not last twelve hours.", HOURS, False),
        ("It isn't valid for 12 hours.", HOURS, False),
        ("It is not an hour but twelve hours.", HOURS, True),
        ("It lasts twenty-four hours.", HOURS, False),
        ("The login doesn't give any permissions.", RIGHTS, True),
        ("The login gives all permissions.", RIGHTS, False),
        ("I make the tag imutable.", FIXED, True),
        ("I make the tags mutable again.", FIXED, False),
        ("I make the tag.\nIt is immutable then.", FIXED, True),
        ("tag immutable digest registry pull push token layer", FIXED, False),
        ("The tag and immutable settings are all important.", FIXED, False),
        ("The task execution role pulls the image.", ROLE, True),
        ("The task role pulls the image.", ROLE, False),
    ],
)
def test_the_rules(text: str, points: dict[str, Wordings], made: bool) -> None:
    (heard,) = hear(text, points).values()
    assert heard.made is made
    assert (heard.words != "") is made


def test_rivals_keep_what_is_said_of_the_other_one_away() -> None:
    text = "The execution role and the task role pull the image."
    assert hear(text, ROLE)["pulls"].made
    assert not hear(text, ROLE, [("execution role", "task role")])["pulls"].made


def test_what_speaks_against_a_point_is_quoted() -> None:
    heard = hear("The token lasts 24 hours. Somebody says 12 hours.", HOURS)["hours"]
    assert not heard.made
    assert heard.against == "The token lasts 24 hours."


def test_without_wordings_nothing_is_listened_for() -> None:
    assert not hear("anything", {"a": Wordings()})["a"].listened


def test_sentences_stay_as_they_were_written() -> None:
    assert sentences("One. Two 1.5; three?\nfour") == ["One.", "Two 1.5", "three?", "four"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A registry keeps images.", True),
        ("Registries keep images.", False),
        ("A registry keeps images, and containers run on a server.", True),
        ("image container layer digest registry process writable read-only template docker", False),
        ("a a a a a a a a", False),
        ("one two three four five six seven eight nine", False),
        ("", False),
        ("Images and containers and layers are all important.", False),
    ],
)
def test_length_and_salad_do_not_answer(text: str, said: bool) -> None:
    assert is_said(text) is said


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("I would give it AdministratorAccess for now.", "star"),
        ("I attach PowerUser to the role.", "star"),
        ("Attach PowerUser? No, only the push actions.", ""),
        ("I would not give it admin rights.", ""),
        ("I put the access key into the pipeline's secrets.", "stored-key"),
        ("Never store access keys in the pipeline.", ""),
        ("We deploy latest to production.", "latest"),
        ("Never deploy latest.", ""),
        ("A script deletes all untagged images at night.", "delete-untagged"),
        ("I switch immutability off so that the build is green.", "mutable-again"),
        ("I remove the permissions boundary.", "no-boundary"),
        ("The task role gets pull permission for the image.", "task-role"),
        ("The policy has Principal *.", "everybody"),
        (
            "Put Principal star into the repository policy so every account can pull and we never see this again.",
            "everybody",
        ),
        (
            "AdministratorAccess for now and store an access key in the GitHub secrets so that it never breaks.",
            "star stored-key",
        ),
        ("Give the role ecr:* on * so it does not fail.", "star"),
        ("Attach AmazonEC2ContainerRegistryFullAccess and move on, no time for more.", "star"),
        ("We store an access key and use latest in production.", "stored-key latest"),
        ("I would never give AdministratorAccess.", ""),
        ("Not Principal star, but the account.", ""),
        ("No access keys in GitHub.", ""),
        ("A role by OIDC instead of an access key in the pipeline.", ""),
        ("Allow ecr:GetAuthorizationToken on *, and the pull on one ARN.", ""),
        ("We don't deploy latest to production.", ""),
        ("Remove AdministratorAccess and give it the three actions of a pull.", ""),
    ],
)
def test_red_flags(text: str, flag: str) -> None:
    """A denial counts near the danger and before it; what is said behind it does not make it good."""
    assert list(flags(text)) == flag.split()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("I don't know.", ""),
        ("Sorry, I do not know that one.", ""),
        ("No idea. I'd have to look it up.", ""),
        ("I'm not sure.", ""),
        ("I do not know the number, but it is limited.", "I do not know the number, but it is limited."),
        ("I do not know. I would read the log.", "I would read the log."),
    ],
)
def test_not_to_know_says_nothing(text: str, left: str) -> None:
    assert told(text) == left
    assert is_said(text) is bool(left)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Namespaces limit memory, and cgroups hide.", False),
        ("Namespaces limit memory. Cgroups hide.", False),
        ("Namespaces are a view, and memory is limited by cgroups.", True),
        ("Memory is limited by cgroups.", True),
    ],
)
def test_what_is_said_of_the_one_counts_for_no_other_behind_it(text: str, made: bool) -> None:
    points = {"use": Wordings(("cgroup + memory",))}
    assert hear(text, points, [("namespace", "cgroup")])["use"].made is made


def test_what_counts_is_heard_or_said() -> None:
    heard = hear("It lasts twelve hours.", {**HOURS, **FIXED, **ROLE})
    found = marking(heard, said=["fixed", "hours"])
    assert found.states == {"hours": HEARD, "fixed": SAID, "pulls": LEFT}
    assert found.made == ["hours", "fixed"]
    assert marking(heard, unmeant=["hours"]).states["hours"] == LEFT


def test_wordings_are_read_and_taken_off() -> None:
    text, wordings = split_wordings("A point.\n\nIts reason.\n\n- heard: one + two |\n  three\n- against: four")
    assert text == "A point.\n\nIts reason."
    assert wordings == Wordings(("one + two", "three"), ("four",))


def test_an_unknown_concept_is_refused(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    for name in ("content/questions", "content/drills", "content/lessons", "content/labs", "docs"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(root / name)
    folder = tmp_path / "content" / "questions"
    folder.unlink()
    folder.mkdir()
    (tmp_path / "content" / "facts.toml").symlink_to(root / "content" / "facts.toml")
    (folder / "collections.toml").symlink_to(root / "content" / "questions" / "collections.toml")
    text = (root / "content" / "questions" / "001-what-is-a-container.md").read_text()
    (folder / "001-what-is-a-container.md").write_text(text.replace("@shared", "@nosuch", 1))
    with pytest.raises(DocumentError, match=r"## kernel: content/listening.toml has no concept @nosuch"):
        questions(tmp_path)
