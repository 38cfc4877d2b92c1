#!/bin/sh
# Every test, from nothing: programs, packages, style, types, pytest. Nothing is left running, no learner's file touched.
# `test.sh --lesson 04`: what concerns one lesson, lab or drill, without types and browser. `test.sh ARGS`: pytest ARGS.
set -eu
# As on most machines: Python's caches lie beside the sources, and must be nobody's files.
unset PYTHONDONTWRITEBYTECODE
scripts/test-setup.sh
if [ "${1-}" = --lesson ]; then
    make --no-print-directory tools
    .venv/bin/ruff check content
    .venv/bin/ruff format --check content
else
    make --no-print-directory install lint
fi

scratch=$(mktemp -d "${TMPDIR:-/tmp}/ecrlab-test.XXXXXX")

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

# What was asked for, or everything: three runs side by side (much of a test is waiting), each with a home and a temporary
# folder of its own. The output of the first is shown as it comes, that of the others follows.
run() {
    name=$1
    shift
    mkdir -p "$scratch/$name/tmp"
    # A shell lets what it runs in the background ignore Ctrl-C; the tests press it.
    ECRLAB_HOME="$scratch/$name/home" TMPDIR="$scratch/$name/tmp" .venv/bin/python -c '
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' .venv/bin/pytest -p no:cacheprovider --basetemp "$scratch/$name/pytest" "$@"
}

clicked="tests/browser tests/notebooks"
course="tests/course tests/explorer tests/decisions"
if [ "${1-}" = --lesson ]; then
    # The tries take longest: they are two of the three.
    set -- "$@" --durations=5
    run tries-1 tests/course "$@" --part 1/2 >"$scratch/first.log" 2>&1 &
    first=$!
    run tries-2 tests/course "$@" --part 2/2 >"$scratch/second.log" 2>&1 &
    second=$!
    shown="tests/notebooks $*"
elif [ $# -gt 0 ]; then
    run asked "$@"
    exit
else
    cloud=$(ls -d tests/*/ tests/test_*.py | sed 's|/$||' | grep -vxE "$(echo "$clicked $course" | tr ' ' '|')|tests/__pycache__")
    run course $course >"$scratch/first.log" 2>&1 &
    first=$!
    run cloud $cloud >"$scratch/second.log" 2>&1 &
    second=$!
    shown=$clicked
fi
status=0
run notebooks $shown || status=$?
wait "$first" || status=$?
cat "$scratch/first.log"
wait "$second" || status=$?
cat "$scratch/second.log"
exit "$status"
