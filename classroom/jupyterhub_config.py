"""The hub of one class, as `ecrlab_course class start` runs it; everything in it comes from class.toml."""

from typing import Any

from ecrlab_course.classroom.hub_config import configure

c: Any = get_config()  # type: ignore[name-defined]  # noqa: F821  (JupyterHub puts it there)
configure(c)
