"""The command ``ecrlab_course``, from its first moment on."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command.

    Until `start` has handlers of its own, Ctrl-C ends it at once, when nothing has been started yet: the exception that
    Python's own handler raises can be lost while modules are loaded, and the course would open all the same.
    """
    if sys.argv[1:2] == ["start"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from ecrlab_course import cli

    cli.main()


if __name__ == "__main__":
    main()
