"""A picture of a lesson on a page."""

from __future__ import annotations

import re
from pathlib import Path

from ecrlab_course.messages import say
from ecrlab_course.views import display as shown


def picture(path: Path) -> shown.Shown:
    """Return an SVG file inline, so that its colours follow the page; its <desc> is the text form."""
    svg = path.read_text(encoding="utf-8")
    svg = re.sub(r"<\?xml[^>]*\?>|<!--.*?-->", "", svg, flags=re.DOTALL).strip()
    found = re.search(r"<desc[^>]*>(.*?)</desc>", svg, re.DOTALL) or re.search(
        r"<title[^>]*>(.*?)</title>", svg, re.DOTALL
    )
    alt = re.sub(r"\s+", " ", found.group(1)).strip() if found else path.stem
    return shown.Shown(
        say("status.picture", words=alt),
        f'<figure role="img" aria-label="{alt.replace(chr(34), "&quot;")}">{svg}</figure>',
    )
