"""Runs gate.py for several images, as `python gate.py REPOSITORY TAG` does, in one Python: `.gates.py REPOSITORY TAG …`

Prints a line of JSON for each: its tag, how it ended, what it printed, and whether it had to be ended.
"""

import contextlib
import io
import json
import runpy
import signal
import sys
import traceback

SECONDS = 15


class Late(BaseException):
    """A gate was still at work after its time."""


def stop(*_about: object) -> None:
    """End a gate."""
    raise Late


signal.signal(signal.SIGALRM, stop)
repository, *tags = sys.argv[1:]
for tag in tags:
    said, code, late = io.StringIO(), 0, False
    signal.alarm(SECONDS)
    sys.argv = ["gate.py", repository, tag]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            runpy.run_path("gate.py", run_name="__main__")
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
            if isinstance(end.code, str):
                print(end.code)
        except Late:
            code, late = 1, True
        except Exception:
            code = 1
            print(traceback.format_exc(limit=0).strip())
    signal.alarm(0)
    row = {"tag": tag, "code": code, "said": said.getvalue().strip()[-600:], "late": late}
    print(json.dumps(row), flush=True)
