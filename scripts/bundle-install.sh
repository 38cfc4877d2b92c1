#!/bin/sh
# Installs ECR Lab from this bundle, offline. Usage: ./install.sh [FOLDER]   (default: a folder ecrlab here)
set -eu
bundle=$(cd "$(dirname "$0")" && pwd)
target=${1:-ecrlab}
python=${PYTHON:-python3}

if ! command -v "$python" >/dev/null 2>&1; then
    echo "There is no $python on this machine; ECR Lab needs Python 3.11 or newer." >&2
    exit 1
fi
kind=$("$python" -c 'import sys, sysconfig
print("cp%d%d" % sys.version_info[:2] + "-" + sysconfig.get_platform().replace(".", "_"))')
if [ "$kind" != "$(cat "$bundle/made-for")" ]; then
    echo "This bundle was made for $(cat "$bundle/made-for"), and $python here is $kind." >&2
    echo "Another Python on this machine may fit: PYTHON=python3.11 $0. Else make a bundle on a machine like this." >&2
    exit 1
fi
"$python" "$bundle/bundle_checksums.py" check "$bundle"

if [ -e "$target" ] && [ ! -f "$target/requirements.txt" ]; then
    echo "$target exists and is not a checkout of the course. Name another folder: $0 FOLDER" >&2
    exit 1
fi
mkdir -p "$target"
cp -R "$bundle/course/." "$target/"

if [ -d "$bundle/engine" ] && ! command -v docker >/dev/null 2>&1; then
    if [ "$(id -u)" -eq 0 ]; then
        echo "Installing a container engine from the bundle."
        "$bundle/install-engine.sh" >/dev/null
    else
        echo "A container engine lies in the bundle. To install it: sudo $bundle/install-engine.sh"
    fi
fi

cd "$target"
export PIP_NO_INDEX=1 PIP_FIND_LINKS="$bundle/packages"
scripts/venv.sh "$python" .venv
echo "Ready. Begin with: cd $target && make start"
