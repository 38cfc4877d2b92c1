"""Checksums of a bundle's files. Usage: bundle_checksums.py make|check FOLDER. Python alone: every system has it."""

import hashlib
import json
import sys
from pathlib import Path

LIST = "checksums.json"


def digests(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file below the folder but this program and its list, by relative path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.name not in (LIST, Path(__file__).name)
    }


def main(action: str, folder: Path) -> int:
    """Write the list, or compare with it; return an exit code."""
    seen = digests(folder)
    if action == "make":
        (folder / LIST).write_text(json.dumps(seen, indent=1) + "\n", encoding="utf-8")
        return 0
    made = json.loads((folder / LIST).read_text(encoding="utf-8"))
    wrong = [path for path, digest in made.items() if seen.get(path) != digest]
    if wrong:
        print(f"The bundle is damaged, copy it again. Not as it was made: {', '.join(wrong[:5])}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
