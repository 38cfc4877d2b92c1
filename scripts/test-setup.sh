#!/bin/sh
# Installs the programs that the tests drive and that are missing: an engine, skopeo, podman, a browser, a static busybox.
set -eu

missing=""
need() { # COMMAND PACKAGE
    PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need dockerd docker.io
need docker docker.io
need ip iproute2
need skopeo skopeo
need podman podman
for browser in chromium-headless-shell chromium chromium-browser google-chrome; do
    ! command -v "$browser" >/dev/null 2>&1 || break
done
command -v "$browser" >/dev/null 2>&1 || missing="$missing chromium-headless-shell"
need busybox busybox-static

[ -n "$missing" ] || exit 0
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')

# Chromium without a window costs a fifth less; not every distribution has it.
known() {
    for package in $missing; do
        [ "$package" != chromium-headless-shell ] || apt-cache show "$package" >/dev/null 2>&1 || package=chromium
        printf '%s ' "$package"
    done
}

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    missing=$(known)
    echo "The tests also use these packages, which are missing: $missing" >&2
    echo "Install them to run every test (Debian, Ubuntu: sudo apt-get install -y $missing)." >&2
    exit 0
fi
echo "Installing what the tests use and this machine lacks: $missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q >/dev/null
# shellcheck disable=SC2046
apt-get install -y -q --no-install-recommends $(known) >/dev/null
