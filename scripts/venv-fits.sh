#!/bin/sh
# Ends with code 0 when a virtual environment runs here: made in this very folder, for a Python that is still there.
# Its commands and the course's own package are found by whole paths: in a folder that was moved or copied they lead to
# the old one, and packages belong to one minor version of Python. Usage: scripts/venv-fits.sh FOLDER
[ -x "$1/bin/python" ] && "$1/bin/python" -I -c '
import sys
import pip
with open(f"{sys.prefix}/pyvenv.cfg", encoding="utf-8") as file:
    made = [line.rstrip("\n") for line in file if line.startswith("command = ")]
sys.exit(any(not line.endswith(f" {sys.prefix}") for line in made))' 2>/dev/null
