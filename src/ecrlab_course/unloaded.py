"""What a kernel has before the page's first cell ran: names that say so, in place of a NameError.

`ecrlab_course start` puts a line into the kernels' start-up folder that calls `install`. `%load_ext ecrlab_course`
replaces all of it.
"""

from __future__ import annotations

from typing import Any, NoReturn

TEXT = "This kernel is new and knows nothing of the lab yet. Run the first code cell of the page, then this one again."
NAMES = ("lab", "ecr", "iam", "sts")
STARTUP = "from ecrlab_course.unloaded import install\n\ninstall(get_ipython())\ndel install\n"


class NotLoaded(Exception):  # noqa: N818 - what a learner reads
    """The extension is not loaded; a notebook shows the sentence alone."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class Placeholder:
    """Stands for `lab` and the clients; using it says what to do."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # IPython looks for its own methods.
            raise AttributeError(name)
        raise NotLoaded(TEXT)


def install(shell: Any) -> None:
    """Put the placeholders into a fresh IPython shell."""

    def bash(_line: str, _cell: str) -> NoReturn:
        raise NotLoaded(TEXT)

    shell.user_ns.update({name: Placeholder() for name in NAMES})
    shell.register_magic_function(bash, "cell", "bash")
