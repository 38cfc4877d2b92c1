#!/bin/sh
# Every test, from nothing: programs, packages, style, types, pytest. Nothing is left running, no learner's file touched.
# `test.sh --lesson 04`: what concerns one lesson, lab or drill, without types and browser. `test.sh ARGS`: pytest ARGS.
set -eu
# As on most machines: Python's caches lie beside the sources, and must be nobody's files.
unset PYTHONDONTWRITEBYTECODE
# Debian's packages and Python's come at the same time.
scripts/test-setup.sh &
programs=$!
make --no-print-directory tools
wait "$programs"
if [ "${1-}" = --lesson ]; then
    .venv/bin/ruff check content
    .venv/bin/ruff format --check content
else
    .venv/bin/ruff check .
    .venv/bin/ruff format --check .
fi

scratch=$(mktemp -d "${TMPDIR:-/tmp}/ecrlab-test.XXXXXX")

# A lab that is still running when the tests have ended is a fault of a test: stop it, and say so.
tidy() {
    code=$?
    trap - EXIT INT TERM
    : >"$scratch/stop"
    for file in "$scratch"/*/pid; do
        [ ! -f "$file" ] || kill -INT "$(cat "$file")" 2>/dev/null || :
    done
    wait
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

# One pytest, with a home and a temporary folder of its own, or the types. It takes the place of the shell that calls it.
run() {
    name=$1
    shift
    [ "$name" != types ] || exec .venv/bin/python scripts/check_types.py
    mkdir -p "$scratch/$name/tmp"
    # A shell lets what it runs in the background ignore Ctrl-C, and nohup a closed terminal; the tests do both. And
    # jsonschema compiles a grammar for two seconds, with which no notebook is checked, where it finds it.
    ECRLAB_HOME="$scratch/$name/home" TMPDIR="$scratch/$name/tmp" exec .venv/bin/python -c '
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
sys.modules["rfc3987_syntax"] = None
import pytest
sys.path.pop(0)
sys.exit(pytest.main())' -p no:cacheprovider --basetemp "$scratch/$name/pytest" --durations=10 --failed-to "$scratch/$name/failed" "$@"
}

if [ $# -gt 0 ] && [ "$1" != --lesson ]; then
    (run asked "$@")
    exit
fi

# The runs, the longest first: NAME WORDS. Two that may be beside each other share no fixed port: those of tests/browser and
# tests/cli each stay in one.
sections=tests/notebooks/test_sections.py
if [ "${1-}" = --lesson ]; then
    lesson=$2
    shift 2
    more="--lesson $lesson $*"
    # Its four runs are short: none of them waits for another to end.
    least=4
    runs="pages tests/notebooks --ignore $sections $more
tries-1 tests/course --part 1/2 $more
tries-2 tests/course --part 2/2 $more
sections $sections $more"
else
    alone="tests/course tests/browser tests/notebooks tests/cli tests/clients tests/engine tests/standin tests/scenarios"
    rest=$(ls -d tests/*/ | sed 's|/$||' | grep -vxE "$(echo "$alone" | tr ' ' '|')|tests/__pycache__" | tr '\n' ' ')
    rest_of_course="tests/course --ignore tests/course/test_desk.py"
    pages="tests/notebooks --ignore $sections"
    least=1
    runs="types
browser tests/browser
pages-1 $pages --part 1/2
commands tests/cli tests/clients tests/engine tests/standin tests/scenarios $(ls tests/test_*.py | tr '\n' ' ')
pages-2 $pages --part 2/2
course-1 $rest_of_course --part 1/3
course-2 $rest_of_course --part 2/3
course-3 $rest_of_course --part 3/3
desk tests/course/test_desk.py
cloud $rest
sections-1 $sections --part 1/2
sections-2 $sections --part 2/2"
fi

# Take the first run that nobody has taken, until there is none. Much of a test is waiting: one more at a time than processors.
work() {
    echo "$runs" | while read -r job words; do
        [ ! -e "$scratch/stop" ] && mkdir "$scratch/$job" 2>/dev/null || continue
        # shellcheck disable=SC2086
        (run "$job" $words) >"$scratch/$job/log" 2>&1 </dev/null &
        echo $! >"$scratch/$job/pid"
        code=0
        wait $! || code=$?
        rm -f "$scratch/$job/pid"
        echo "$code" >"$scratch/$job/code"
    done
}
count=$(($(nproc 2>/dev/null || sysctl -n hw.ncpu || echo 2) + 1))
[ "$count" -ge "$least" ] || count=$least
while [ "$count" -gt 0 ]; do
    work &
    count=$((count - 1))
done

# What a run printed is shown when it has ended, and meanwhile, once a minute, how far each one is.
jobs=$(echo "$runs" | cut -d' ' -f1)
ended() {
    for job in $jobs; do
        if [ -f "$scratch/$job/code" ] && [ ! -e "$scratch/$job/shown" ]; then
            : >"$scratch/$job/shown"
            echo "== $job"
            cat "$scratch/$job/log"
        fi
    done
}
far() {
    for job in $jobs; do
        [ -d "$scratch/$job" ] && [ ! -e "$scratch/$job/shown" ] || continue
        percent=$(grep -o '\[ *[0-9]*%\]' "$scratch/$job/log" 2>/dev/null | tail -n 1 | tr -d '[] ')
        printf ' %s %s,' "$job" "${percent:-0%}"
    done
}
turn=0
until [ "$(find "$scratch" -maxdepth 2 -name code | wc -l)" -eq "$(echo "$jobs" | wc -l)" ]; do
    sleep 2 &
    wait $! || :
    turn=$((turn + 1))
    ended
    [ $((turn % 30)) -ne 0 ] || echo "-- $((turn / 30)) min:$(far | sed 's/,$//')"
done
ended

status=0
echo
for job in $jobs; do
    code=$(cat "$scratch/$job/code" 2>/dev/null || echo 1)
    [ "$code" -eq 0 ] || status=$code
    echo "$job: $(tail -n 1 "$scratch/$job/log" 2>/dev/null | tr -d =)"
done
[ "$status" -eq 0 ] || grep -hE '^(FAILED|ERROR) ' "$scratch"/*/log || :

# Beside others a test may wait too long for a processor. Up to five that failed are run once more, when all else is quiet;
# what passes then is named as unsteady. A solved page is run whole: its cells build on each other.
unsteady() {
    for job in $jobs; do
        case $(cat "$scratch/$job/code") in 0) ;; 1) [ -s "$scratch/$job/failed" ] || return 1 ;; *) return 1 ;; esac
    done
    cat "$scratch"/*/failed >"$scratch/failed"
    [ "$(wc -l <"$scratch/failed")" -le 5 ] || return 1
    echo
    echo "== once more, with nothing beside:"
    cat "$scratch/failed"
    grep -v '\.ipynb::' "$scratch/failed" >"$scratch/tests" || :
    [ ! -s "$scratch/tests" ] || (run again "@$scratch/tests") || return 1
    for page in $(sed -n 's|.*/\(.*\)\.ipynb::.*|\1|p' "$scratch/failed" | sort -u); do
        (run "again-$page" tests/notebooks/solved.txt -k "$page") || return 1
    done
    echo
    sed 's/^/UNSTEADY (failed beside others, passed alone; fix it) /' "$scratch/failed"
}
[ "$status" -ne 1 ] || ! unsteady || status=0
exit "$status"
