#!/bin/sh
# Every test, from nothing: programs, packages, style, types, pytest. Nothing is left running, no learner's file touched.
set -eu
scripts/test-setup.sh
make --no-print-directory install lint

scratch=$(mktemp -d "${TMPDIR:-/tmp}/ecrlab-test.XXXXXX")
mkdir "$scratch/tmp"

# A lab that is still running when the tests have ended is a fault of a test: stop it, and say so.
tidy() {
    code=$?
    trap - EXIT
    IFS="
"
    for file in $(find "$scratch" -path '*/run/*.json' \( -name 'server.json' -o -name 'dockerd.json' \) 2>/dev/null); do
        home=${file%/run/*}
        case $(.venv/bin/ecrlab stop --home "$home" 2>&1) in
        "Nothing was running.") ;;
        *)
            echo "A test left a lab running, in ${home#"$scratch"/}." >&2
            [ "$code" -ne 0 ] || code=1
            ;;
        esac
    done
    rm -rf "$scratch"
    exit "$code"
}
trap tidy EXIT
trap 'exit 130' INT TERM

export ECRLAB_HOME="$scratch/home" TMPDIR="$scratch/tmp"
.venv/bin/pytest --basetemp "$scratch/pytest" "$@"
