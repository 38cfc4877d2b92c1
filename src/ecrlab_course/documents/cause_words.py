"""The words of causes, from content/causes.md: `## name = misconception` in the section of its family, and the text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ecrlab_course.checkout import course_root
from ecrlab_course.documents.misconceptions import MISCONCEPTIONS
from ecrlab_course.documents.sections import DocumentError, Fault, name_of, parse
from ecrlab_course.messages import fill


@dataclass(frozen=True)
class CauseWords:
    """One cause: its name, what is said of it (with gaps), and the misconception that it shows."""

    name: str
    family: str
    text: str
    misconception: str

    def told(self, **gaps: object) -> str:
        """Return the text with its gaps filled; raises MessageError for one that has nothing to be filled with."""
        return fill(self.text, gaps)


@cache
def cause_words(root: Path | None = None) -> dict[str, CauseWords]:
    """Return the causes by name, from content/causes.md below `root` (default: the course's); cached.

    Raises DocumentError with file and line for a cause without text or misconception, or of a name that is taken.
    """
    sections = parse((root or course_root()) / "content" / "causes.md")
    found: dict[str, CauseWords] = {}
    for family in sections.parts:
        for part in family.parts:
            name, misconception = name_of(part.title), part.title.partition(" = ")[2].strip()
            if misconception not in MISCONCEPTIONS:
                words = f"## {name}: a misconception of documents/misconceptions.py is wanted (## {name} = ...)"
                sections.faults.append(Fault(sections.path, part.line, words))
            if not part.text:
                sections.faults.append(Fault(sections.path, part.line, f"## {name} is empty"))
            if name in found:
                sections.faults.append(Fault(sections.path, part.line, f"## {name}: another cause has this name"))
            found[name] = CauseWords(name, family.title, part.text, misconception)
    if sections.faults:
        raise DocumentError("\n".join(map(str, sections.faults)))
    return found
