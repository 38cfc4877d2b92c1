"""Images of Harbour Bikes by their age in days: what `lab.fleet` pushes. Tags of one image stand in one text."""

from typing import Any

TODAY: list[Any] = [
    (50, "v1.0"),
    (50, "sha-0a"),
    (45, "v1.1 live"),
    (45, "sha-1a"),
    (40, "v1.2"),
    (40, "dev-2"),
    (40, ""),
    (20, "v1.3"),
    (20, "sha-3a"),
    (10, "v2.0", "amd64 arm64"),
    (10, "dev-4"),
    (0, "v2.1"),
    (0, "sha-5a"),
    (0, ""),
]
SUMMER: list[Any] = [(days + 60, *names) for days, *names in TODAY]
"""The same, when nobody has pushed anything for sixty days."""
WEEK = [
    (40, "v3.0 live"),
    (35, "sha-6a"),
    (5, "v3.1"),
    (4, "v3.2"),
    (3, "v3.3"),
    (3, ""),
    (2, "v3.4"),
    (2, "sha-7a"),
    (1, "v3.5"),
    (0, ""),
]
"""A week with five releases, while the kiosk still runs an old one."""
PAIR = [(10, "beta-1 prod-1"), (9, "beta-2 prod-2"), (8, "beta-3")]
FLEETS = {"fleet": TODAY, "pair": PAIR, "trial/today": TODAY, "trial/summer": SUMMER, "trial/week": WEEK}
