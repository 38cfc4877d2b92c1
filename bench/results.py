"""RESULTS.md: each program of this folder writes a part of its own, known by its heading."""

import re
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"


def record(text: str) -> None:
    """Put a part (a heading of the first level, and what belongs to it) in place of the one of that heading."""
    heading = text.partition("\n")[0]
    parts = [part.strip() for part in re.split(r"(?m)^(?=# )", RESULTS.read_text()) if part.strip()]
    at = next((index for index, part in enumerate(parts) if part.partition("\n")[0] == heading), len(parts))
    parts[at : at + 1] = [text.strip()]
    RESULTS.write_text("\n\n".join(parts) + "\n")
