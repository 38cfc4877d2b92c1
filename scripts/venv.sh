#!/bin/sh
# Makes the virtual environment with the pinned packages. Usage: scripts/venv.sh PYTHON FOLDER
set -eu
python=$1
venv=$2

case $PWD in
*[:\$]*)
    echo "The path of this folder holds ':' or '\$', with which Python or aws cannot work: $PWD" >&2
    echo "Give the folder another name, or move it, and try again." >&2
    exit 1
    ;;
esac
if ! command -v "$python" >/dev/null 2>&1; then
    echo "There is no $python on this machine. ECR Lab needs Python 3.11 or newer." >&2
    echo "Debian, Ubuntu, WSL: sudo apt-get install -y python3 python3-venv    macOS: brew install python@3.12" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$python is Python $("$python" -c 'import platform; print(platform.python_version())'); ECR Lab needs 3.11 or newer." >&2
    echo "If a newer one is installed under another name, say so: make start PYTHON=python3.12" >&2
    exit 1
fi

if ! scripts/venv-fits.sh "$venv"; then
    if [ -e "$venv" ]; then
        echo "$venv was made in another folder or for a Python that is gone, and does not run here: making it again."
        rm -rf "$venv"
    fi
    if ! "$python" -m venv "$venv"; then
        rm -rf "$venv"
        echo "$python cannot make virtual environments. On Debian, Ubuntu and WSL: sudo apt-get install -y python3-venv" >&2
        exit 1
    fi
fi

echo "Installing the pinned packages into $venv (520 MB on the disk, once; a minute or two)."
export PIP_DISABLE_PIP_VERSION_CHECK=1
"$venv/bin/python" -m pip install --quiet --require-hashes -r requirements.txt
"$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --editable .
"$venv/bin/python" scripts/commands.py
touch "$venv/.installed"
