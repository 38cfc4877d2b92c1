"""05-e9: four companies, a registry and two reasons for each. What a learner reads is in e9.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ecrlab_course.authoring import Lab, Result, Sentence, Try

HUB, PAID, ECR, CACHE = "hub-public", "hub-paid", "ecr", "cache"
PUBLIC, BOTH, GCR = "ecr-public", "both", "gcr"
CHOICES = {
    "Docker Hub, public": HUB,
    "Docker Hub, a paid plan": PAID,
    "ECR": ECR,
    "ECR, with a cache for the Hub's images": CACHE,
    "ECR Public": PUBLIC,
    "ECR, and a public registry beside it": BOTH,
    "Google Container Registry": GCR,
}
REASONS = {
    "machines get keys that end on their own, and no password is stored": "r1",
    "paid by the person, with any number of private repositories": "r2",
    "strangers find it and pull without an account": "r3",
    "no count of pulls in the Region where the servers run": "r4",
    "permissions and traces are where the company's others are": "r5",
    "nothing to set up but teams": "r6",
    "base images come through one door, fetched once": "r7",
    "another AWS account is let in by its number": "r8",
    "it costs them nothing": "r9",
    "a cost: a new login every 12 hours on a server outside AWS": "r10",
    "a cost: bytes that leave for the internet are billed": "r11",
    "each Region has its own copy, by a rule": "r12",
    "it is private by default, so it is safer": "safer",
    "because it is AWS": "because-aws",
    "ECR has no limits": "no-limits",
    "the Hub cannot be private": "never-private",
}
"""The reasons as they stand in e9.md; those that are not so have the name of their verdict."""


AGAINST = {
    ("a", PAID): Sentence("a-hub-paid"),
    ("a", ECR): Sentence("a-ecr"),
    ("a", CACHE): Sentence("a-cache"),
    ("a", BOTH): Sentence("a-both"),
    ("b", HUB): Sentence("b-hub-public"),
    ("b", PAID): Sentence("b-hub-paid"),
    ("b", PUBLIC): Sentence("b-ecr-public"),
    ("b", BOTH): Sentence("b-both"),
    ("c", HUB): Sentence("c-hub-public"),
    ("c", ECR): Sentence("c-ecr"),
    ("c", CACHE): Sentence("c-cache"),
    ("c", PUBLIC): Sentence("c-ecr-public"),
    ("c", BOTH): Sentence("c-both"),
    ("d", HUB): Sentence("d-hub-public"),
    ("d", PAID): Sentence("d-hub-paid"),
    ("d", ECR): Sentence("d-ecr"),
    ("d", CACHE): Sentence("d-cache"),
    ("d", PUBLIC): Sentence("d-ecr-public"),
}
"""What the card says against a choice."""
FACTS = {"a": Sentence("a-facts"), "b": Sentence("b-facts"), "c": Sentence("c-facts"), "d": Sentence("d-facts")}
NEEDS = {
    "r1": Sentence("r1"),
    "r2": Sentence("r2"),
    "r3": Sentence("r3"),
    "r4": Sentence("r4"),
    "r5": Sentence("r5"),
    "r6": Sentence("r6"),
    "r7": Sentence("r7"),
    "r8": Sentence("r8"),
    "r9": Sentence("r9"),
    "r10": Sentence("r10"),
    "r11": Sentence("r11"),
    "r12": Sentence("r12"),
}
"""Where a reason is true."""


COSTS_OF_ECR = frozenset({"r10", "r11"})


@dataclass(frozen=True)
class Company:
    """One company: its name, and for each choice that fits, the reasons that are facts of it."""

    name: str
    fits: Mapping[str, frozenset[str]]
    remarks: Mapping[str, Sentence]


COMPANIES = {
    "a": Company(
        "A, Pedal Post",
        {HUB: frozenset({"r3", "r9"}), PUBLIC: frozenset({"r3", "r9"})},
        {PUBLIC: Sentence("account-to-make")},
    ),
    "b": Company(
        "B, Harbour Bikes",
        {CACHE: frozenset({"r1", "r4", "r5", "r7"}), ECR: frozenset({"r1", "r4", "r5"})},
        {ECR: Sentence("base-images")},
    ),
    "c": Company(
        "C, Studio Tandem",
        {PAID: frozenset({"r2", "r6", "r10", "r11"}), ECR: frozenset({"r10", "r11"})},
        {ECR: Sentence("both-costs")},
    ),
    "d": Company("D, the map company", {BOTH: frozenset({"r3", "r8", "r12"})}, {}),
}


def run(lab: Lab, values: Mapping[str, str]) -> Result:
    """Keep the answer: nothing is carried out."""
    return Result("the decision", 0, "", {})


class Seen:
    """What was chosen for each company, and the first that does not stand."""

    def __init__(self, lab: Lab, values: Mapping[str, str], result: Result) -> None:
        given = {
            field: str(values.get(field, "")).strip() for key in COMPANIES for field in (key, f"{key}1", f"{key}2")
        }
        empty = [field for field, text in given.items() if text not in CHOICES and text not in REASONS]
        self.missing = ", ".join(COMPANIES[key].name for key in COMPANIES if any(field[0] == key for field in empty))
        self.fault, self.company, self.choice = "", "", ""
        self.against = self.needs = self.facts = self.remarks = FACTS["a"]
        self.reason, self.right, self.remarked = "", 0, False
        if empty:
            return
        for key, company in COMPANIES.items():
            choice = CHOICES[given[key]]
            texts = [given[f"{key}1"], given[f"{key}2"]]
            fault, stray = fault_of(company, choice, [REASONS[text] for text in texts])
            if not fault:
                self.right += 1
                if choice in company.remarks:
                    self.remarks, self.remarked = company.remarks[choice], True
                elif choice != ECR and {REASONS[text] for text in texts} & COSTS_OF_ECR:
                    self.remarks, self.remarked = Sentence("against-ecr"), True
            elif not self.fault:
                self.fault, self.company = fault, company.name
                self.facts = FACTS[key]
                if fault == "choice":
                    self.against = AGAINST[key, choice]
                if stray:
                    self.choice = given[key]
                    self.needs = NEEDS[stray]
                    self.reason = next(text for text in texts if REASONS[text] == stray)


def fault_of(company: Company, choice: str, reasons: list[str]) -> tuple[str, str]:
    """Return what is wrong with a decision, as a verdict's name, and a reason that is not theirs; "" for nothing."""
    if choice == GCR:
        return "gone", ""
    false = next((reason for reason in reasons if not reason.startswith("r")), "")
    if false:
        return false, ""
    if choice not in company.fits:
        return "choice", ""
    stray = next((reason for reason in reasons if reason not in company.fits[choice]), "")
    if stray and choice == ECR and "r10" in company.fits[ECR]:
        return "costs-not-named", ""
    if stray and any(stray in fitting for fitting in company.fits.values()):
        return "of-another-choice", stray
    if stray:
        return "not-understood", stray
    return ("one-reason", "") if reasons[0] == reasons[1] else ("", "")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e9.md: it speaks about the first company whose answer does not stand."""
    if seen.missing:
        return "untouched"
    if seen.fault == "safer":
        return "safer"
    if seen.fault == "because-aws":
        return "because-aws"
    if seen.fault == "no-limits":
        return "no-limits"
    if seen.fault == "never-private":
        return "never-private"
    if seen.fault == "gone":
        return "gone"
    return judged(seen)


def judged(seen: Seen) -> str:
    """Return the verdict's name where no reason is false."""
    if seen.fault == "one-reason":
        return "one-reason"
    if seen.fault == "choice":
        return "choice"
    if seen.fault == "costs-not-named":
        return "costs-not-named"
    if seen.fault == "of-another-choice":
        return "of-another-choice"
    if seen.fault == "not-understood":
        return "not-understood"
    return "other-ways" if seen.remarked else "passed"


# Tries

KEYED = {
    "a": (HUB, "r3", "r9"),
    "b": (CACHE, "r4", "r7"),
    "c": (PAID, "r2", "r6"),
    "d": (BOTH, "r8", "r3"),
}
_TEXTS = {name: text for text, name in {**CHOICES, **REASONS}.items()}


def answer(**changed: tuple[str, str, str]) -> dict[str, str]:
    """Return the keyed answer, with other ones for some companies."""
    found = {}
    for key, (choice, first, second) in {**KEYED, **changed}.items():
        found.update({key: _TEXTS[choice], f"{key}1": _TEXTS[first], f"{key}2": _TEXTS[second]})
    return found


TRIES = {
    "passed": {
        "keyed": answer(),
        "others of the fitting reasons": answer(b=(CACHE, "r5", "r1"), d=(BOTH, "r12", "r8")),
        "after a wrong one": Try(answer=answer(), first=answer(a=(ECR, "r3", "r9"))),
    },
    "other-ways": {
        "ECR Public for A": answer(a=(PUBLIC, "r9", "r3")),
        "plain ECR for B": answer(b=(ECR, "r1", "r5")),
        "ECR for C, both costs named": answer(c=(ECR, "r10", "r11")),
        "a plan for C, for what ECR would cost": answer(c=(PAID, "r11", "r2")),
    },
    "untouched": {"one left open": {**answer(), "d2": "(choose)"}},
    "safer": {"safer for B": answer(b=(CACHE, "safer", "r4"))},
    "because-aws": {"AWS for B": answer(b=(CACHE, "r4", "because-aws"))},
    "no-limits": {"no limits for B": answer(b=(CACHE, "no-limits", "r7"))},
    "never-private": {"for D": answer(d=(BOTH, "r8", "never-private"))},
    "gone": {"for A": answer(a=(GCR, "r3", "r9"))},
    "one-reason": {"twice": answer(a=(HUB, "r3", "r3"))},
    "choice": {
        "A as ECR": answer(a=(ECR, "r3", "r9")),
        "B as a paid plan of the Hub": answer(b=(PAID, "r2", "r6")),
        "D public": answer(d=(HUB, "r3", "r9")),
    },
    "costs-not-named": {"C as ECR for its keys": answer(c=(ECR, "r1", "r10"))},
    "of-another-choice": {"one door for B, without a cache": answer(b=(ECR, "r7", "r1"))},
    "not-understood": {
        "true, and not of A": answer(a=(HUB, "r3", "r2")),
        "A's reasons for D": answer(d=(BOTH, "r3", "r9")),
        "B without a fact of B": answer(b=(CACHE, "r8", "r12")),
    },
}
