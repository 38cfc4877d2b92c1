#!/bin/sh
# Makes one file from which a class installs offline: FOLDER/ecrlab-VERSION-PYTHON-PLATFORM.tar.
# It holds the committed files of this checkout, the pinned packages for this Python and this kind of machine, and, with
# ENGINE=1 on Debian and Ubuntu, the packages of a container engine. Usage: scripts/bundle.sh PYTHON [FOLDER]   (default: dist)
set -eu
python=$1
folder=${2:-dist}
engine=${ENGINE:-}
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
kind=$("$python" -c 'import sys, sysconfig
print("cp%d%d" % sys.version_info[:2] + "-" + sysconfig.get_platform().replace(".", "_"))')
name="ecrlab-$version-$kind"
stage=$(mktemp -d "${TMPDIR:-/tmp}/ecrlab-bundle.XXXXXX")
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage/$name/course" "$stage/$name/packages" "$folder"

if ! git rev-parse --git-dir >/dev/null 2>&1; then
    echo "This is not a git checkout: the bundle holds what is committed, so it is made in one." >&2
    exit 1
fi
[ -z "$(git status --porcelain)" ] || echo "Not in the bundle: changes that are not committed." >&2
git archive HEAD | tar -x -C "$stage/$name/course"
echo "$kind" >"$stage/$name/made-for"
cp scripts/bundle-install.sh "$stage/$name/install.sh"
[ -z "$engine" ] || cp scripts/bundle-engine.sh "$stage/$name/install-engine.sh"

echo "Fetching the pinned packages for $kind."
"$python" -m pip --disable-pip-version-check download --quiet --require-hashes \
    --requirement "$stage/$name/course/requirements.txt" --dest "$stage/$name/packages"

if [ -n "$engine" ]; then
    if ! command -v apt-cache >/dev/null 2>&1; then
        echo "ENGINE=1 works on Debian and Ubuntu only: there is no apt-cache here." >&2
        exit 1
    fi
    echo "Fetching the packages of a container engine (docker.io) for this system."
    mkdir "$stage/$name/engine"
    # With everything that they need; what every installation of the system has (priority required, important,
    # standard) is not taken along. apt on each machine chooses what that machine lacks.
    wanted=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
        --no-enhances docker.io iproute2 busybox-static | grep '^[a-z0-9]' | sort -u)
    # shellcheck disable=SC2086
    lean=$(apt-cache show --no-all-versions $wanted |
        awk '/^Package: /{package=$2} /^Priority: /{if ($2 == "optional" || $2 == "extra") print package}' | sort -u)
    cd "$stage/$name/engine"
    # shellcheck disable=SC2086
    apt-get -o APT::Sandbox::User=root download $lean iproute2 >/dev/null
    for file in *.deb; do
        dpkg-deb --field "$file"
        echo "Filename: ./$file"
        echo "Size: $(stat -c %s "$file")"
        echo "SHA256: $(sha256sum "$file" | cut -d' ' -f1)"
        echo
    done >Packages
    cd "$root"
fi

"$python" scripts/bundle_checksums.py make "$stage/$name"
cp scripts/bundle_checksums.py "$stage/$name/"
tar -C "$stage" -cf "$folder/$name.tar.new" "$name"
mv "$folder/$name.tar.new" "$folder/$name.tar"
echo "Made $folder/$name.tar ($(du -m "$folder/$name.tar" | cut -f1) MB)."
echo "In the classroom: tar -xf $name.tar && $name/install.sh"
