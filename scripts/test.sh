#!/bin/sh
# Every test, from nothing: programs, packages, style, types, pytest. Nothing is left running, no learner's file touched.
set -eu
scripts/test-setup.sh
make --no-print-directory install lint

scratch=$(mktemp -d "${TMPDIR:-/tmp}/ecrlab-test.XXXXXX")
tidy() {
    # A test that failed half-way may have left a lab running: stop each one whose home lies in the scratch folder.
    find "$scratch" -path '*/run/*' \( -name server.json -o -name dockerd.json -o -name engine.json \) 2>/dev/null |
        sed 's|/run/[^/]*$||' | sort -u | while read -r home; do
        .venv/bin/ecrlab stop --home "$home" >/dev/null 2>&1 || echo "could not stop the lab of $home" >&2
    done
    rm -rf "$scratch"
}
trap tidy EXIT
trap 'exit 130' INT TERM

export ECRLAB_HOME="$scratch/home"
.venv/bin/pytest --basetemp "$scratch/pytest" "$@"
