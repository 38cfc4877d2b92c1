"""03-e4: three copies, and which are what was promised. What a learner reads is in e4.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ecrlab_course.authoring import Lab, Result, Sentence, Try, as_words
from ecrlab_course.authoring.evidence import ok, short, tags
from ecrlab_course.authoring.staging import digest_of
from ecrlab_course.authoring.wire import at_ecr, at_hub, at_mirror
from ecrlab_course.documents.xray_row import Row

from .state import HUB_MAP, OUR_MAP, asked_for, copies, folder_of, record

YES, NO = "what was promised", "something else"
PLACES = ("a", "b", "c")


def run(lab: Lab, _values: Mapping[str, str]) -> Result:
    """Read which copies were made. Nothing is made again."""
    made = record(lab, copies.RECORD)
    if not made:
        return Result("three copies", 1, "no copies yet\n")
    return Result(f"python copies.py {made['number']}", 0, "")


class Seen:
    """The sums of the three copies at this moment, what was fetched of them, and what was answered."""

    def __init__(self, lab: Lab, values: Mapping[str, str], result: Result) -> None:
        made = record(lab, copies.RECORD)
        self.there = bool(made) and "2.3" in tags(lab, OUR_MAP)
        given = {place: str(values.get(place, "")).strip() for place in PLACES}
        self.missing = ", ".join(place.upper() for place, word in given.items() if word not in (YES, NO))
        if not self.there:
            self.sums = Sentence("none")
            return
        promise = at_hub(lab, HUB_MAP, looking=True).digest("2.3")
        mirrored = at_mirror(lab, HUB_MAP, looking=True).get("manifests/2.3")
        found = {"a": promise, "b": digest_of(mirrored.content), "c": tags(lab, OUR_MAP)["2.3"]}
        self.claims = mirrored.headers.get("Docker-Content-Digest") == promise != found["b"]
        right = {place: YES if digest == promise else NO for place, digest in found.items()}
        wrong = [place for place in PLACES if given[place] != right[place]]
        self.fits = len(PLACES) - len(wrong)
        self.wrong = wrong[0] if wrong else ""
        self.is_promised = bool(wrong) and right[wrong[0]] == YES
        self.number, self.respaced = made["number"], made["number"] % 3 == 2
        answered = tuple(given[place] == YES for place in PLACES)
        self.older = next((n for n in made.get("earlier", ()) if n != self.number and promised(n) == answered), None)
        since = [row for row in lab.rows() if row["seq"] > made["after"]]
        rows = [row for row in since if ok(row) and row["method"] == "GET"]
        manifest = f"{HUB_MAP}/manifests/"
        fetched = {
            "A": bool(asked_for(rows, "hub", manifest)),
            "B": bool(asked_for(rows, "mirror", manifest)),
            "C": bool(asked_for(rows, "registry", f"{OUR_MAP}/manifests/")) or through_the_api(since),
        }
        self.any = any(fetched.values())
        # What e4.md may name:
        same = [place.upper() for place, word in right.items() if word == YES]
        self.matching = f"{as_words(same)} {'are' if len(same) > 1 else 'is'}"
        self.unfetched = ", ".join(place for place, done in fetched.items() if not done)
        self.place, self.place_sum = self.wrong.upper(), short(found.get(self.wrong, ""))
        self.b_sum = short(found["b"])
        self.a_sum, self.c_sum = short(found["a"]), short(found["c"])
        self.sums = Sentence("sums")


def promised(number: int) -> tuple[bool, bool, bool]:
    """Return which of the copies of a number are what was promised."""
    return True, number % 3 == 0, number // 3 % 2 == 0


def through_the_api(rows: list[Row]) -> bool:
    """Tell whether tools/map's manifest was fetched by BatchGetImage."""
    fetched = [row for row in rows if row["operation"] == "BatchGetImage" and ok(row)]
    return any(str(row["resource"]).endswith(f"/{OUR_MAP}") for row in fetched)


def judge(seen: Seen) -> str:
    """Return the verdict's name in e4.md: it speaks about the first copy that is answered wrongly."""
    if not seen.there:
        return "untouched"
    if seen.missing:
        return "choose"
    if not seen.any:
        return "guessed"
    if seen.wrong:
        return about(seen) if seen.older is None else "older"
    return "not-fetched" if seen.unfetched else "passed"


def about(seen: Seen) -> str:
    """Return what is said of the first copy that is answered wrongly."""
    if seen.is_promised:
        return "doubted"
    if seen.wrong == "b":
        return "spacing" if seen.respaced else "label"
    return "layers"


# Tries


def copied(number: int) -> Callable[[Lab], object]:
    """Return what makes the copies of a number."""
    return lambda lab: copies.make(lab, number)


def fetch(lab: Lab, places: str = "ABC") -> None:
    """Fetch the manifests of these copies."""
    if "A" in places:
        at_hub(lab, HUB_MAP).get("manifests/2.3")
    if "B" in places:
        at_mirror(lab, HUB_MAP).get("manifests/2.3")
    if "C" in places:
        at_ecr(lab, OUR_MAP).get("manifests/2.3")


def with_commands(lab: Lab) -> None:
    """Fetch B with curl by the digest of the mail, C through ECR's API, A as the user learner."""
    promised = (folder_of(lab) / "mail.txt").read_text(encoding="utf-8").split()[-1]
    lab.sh(f'curl -s "http://$MIRROR/v2/{HUB_MAP}/manifests/{promised}" | sha256sum')
    lab.client("ecr").batch_get_image(repositoryName=OUR_MAP, imageIds=[{"imageTag": "2.3"}])
    at_hub(lab, HUB_MAP, "learner").get("manifests/2.3")


def said(a: str, b: str, c: str) -> dict[str, str]:
    """Return an answer: y for what was promised, n for something else."""
    words = {"y": YES, "n": NO}
    return {"a": words.get(a, a), "b": words.get(b, b), "c": words.get(c, c)}


def on(number: int, answer: str, do: Callable[[Lab], object] = fetch) -> Try:
    """Return a try at the copies of that number."""
    return Try(do=(copied(number), do), answer=said(*answer))


TRIES = {
    "passed": {
        "B is behind": on(1, "yny"),
        "B in other spacing, with other tools": on(2, "yny", with_commands),
        "C in other spacing": on(3, "yyn"),
        "number 0: all three are right": on(0, "yyy"),
    },
    "untouched": {"no copies": Try(answer=said(*"yny"))},
    "choose": {"one left out": on(1, ["y", "n", "(choose)"])},  # type: ignore[arg-type]
    "guessed": {"never fetched": on(1, "yny", lambda lab: None)},
    "not-fetched": {"B never fetched": on(1, "yny", lambda lab: fetch(lab, "AC"))},
    "label": {"all three": on(1, "yyy"), "the header believed": on(4, "yyn")},
    "spacing": {"the same JSON": on(2, "yyy")},
    "layers": {"the same layers": on(3, "yyy")},
    "older": {"the answer to the copies before": Try(do=(copied(1), copied(3), fetch), answer=said(*"yny"))},
    "doubted": {"none": on(1, "nnn"), "C hashed as printed": on(1, "ynn")},
}


def reset(lab: Lab) -> None:
    """Remove the copies."""
    (folder_of(lab) / copies.RECORD).unlink(missing_ok=True)
    lab.clear(OUR_MAP)
