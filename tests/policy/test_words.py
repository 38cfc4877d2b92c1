"""Words: one text for each way in which patterns can tell texts apart, and no text for a way there is not."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from ecrlab.policy.pattern import Style, pattern
from ecrlab.policy.words import ACCOUNT, ANY, ARN_REST, NAME, Shape, Words

globs = st.lists(st.text(alphabet="ab*?", max_size=5), min_size=1, max_size=4)
arns = st.lists(st.text(alphabet="ab*?:", max_size=8), min_size=1, max_size=3)
AB = Shape("cab", lambda state, letter: 1, frozenset({0, 1}))
ABC_COLON = Shape("cab:", lambda state, letter: 1, frozenset({0, 1}))


def automaton(texts: list[str], style: Style) -> Words:
    resolved = [pattern(text, style, False).resolve({}) for text in texts]
    return Words([tokens for tokens in resolved if tokens is not None], style)


def vector(texts: list[str], style: Style, word: str) -> tuple[bool, ...]:
    return tuple(pattern(text, style, False).matches(word, {}) for text in texts)


def found(texts: list[str], style: Style, shape: Shape) -> dict[tuple[bool, ...], str]:
    words = automaton(texts, style)
    return {
        tuple(bool(accepted & final) for final in words.final): word for accepted, word in words.each(shape).items()
    }


@settings(deadline=None)
@given(globs)
def test_every_class_of_texts_has_its_word(texts: list[str]) -> None:
    here = found(texts, Style.GLOB, AB)
    for expected, word in here.items():
        assert vector(texts, Style.GLOB, word) == expected
    for length in range(5):
        for letters in itertools.product("abc", repeat=length):
            assert vector(texts, Style.GLOB, "".join(letters)) in here


@settings(deadline=None)
@given(arns)
def test_colons_part_an_arn_as_in_evaluation(texts: list[str]) -> None:
    here = found(texts, Style.ARN, ABC_COLON)
    for expected, word in here.items():
        assert vector(texts, Style.ARN, word) == expected
    for length in range(5):
        for letters in itertools.product("abc:", repeat=length):
            assert vector(texts, Style.ARN, "".join(letters)) in here


def test_a_word_has_the_shape_that_is_asked_for() -> None:
    words = found(["*/*", "dev*", "dev/*", "de?"], Style.GLOB, NAME)
    assert all(NAME.fits(word) for word in words.values())
    assert words[True, True, True, False] == "dev/any"
    assert words[False, True, False, False] == "dev-any"
    assert (True, True, False, True) not in words  # nothing of four letters begins with dev and has a slash
    assert all(ACCOUNT.fits(word) for word in found(["1*", "*9"], Style.GLOB, ACCOUNT).values())
    assert [ARN_REST.fits(rest) for rest in ("::a", "us:1:a:b", ":a", "::", "a")] == [True, True, False, False, False]


def test_preferred_words_are_taken_where_they_do() -> None:
    words = automaton(["dev/*", "*"], Style.GLOB)
    assert set(words.each(NAME, preferred=["dev/maps", "billing"]).values()) == {"dev/maps", "billing"}
    assert list(words.each(ANY, words.after("dev/")).values()) == ["any"]
