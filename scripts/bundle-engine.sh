#!/bin/sh
# Installs docker.io and what this machine lacks for it from the bundle's own packages, and from nowhere else.
# Usage: install-engine.sh [APT-GET OPTION...]
set -eu
bundle=$(cd "$(dirname "$0")" && pwd)
apt=$(mktemp -d "${TMPDIR:-/tmp}/ecrlab-apt.XXXXXX")
trap 'rm -rf "$apt"' EXIT
mkdir -p "$apt/lists/partial"
echo "deb [trusted=yes] file:$bundle/engine ./" >"$apt/sources.list"
export DEBIAN_FRONTEND=noninteractive

run() {
    apt-get -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$apt/lists" \
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root "$@"
}
run update -q
run install -y -q --no-install-recommends "$@" docker.io iproute2 busybox-static
