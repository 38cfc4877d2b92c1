#!/bin/sh
# What README says, in the background: a dev container is ready when this ends. It prints the course's address, as
# `make start` in any terminal of the container does while the course runs.
set -eu
cd "$(dirname "$0")/.."
log=${TMPDIR:-/tmp}/ecrlab-start.log

# The container's engine may still be starting; without one the lab goes on after that.
tries=0
until docker info >/dev/null 2>&1 || [ $tries -eq 30 ]; do
    tries=$((tries + 1))
    sleep 1
done

nohup make --no-print-directory start >"$log" 2>&1 </dev/null &
started=$!
until grep -q "^Ctrl-C here" "$log"; do
    if ! kill -0 $started 2>/dev/null; then
        cat "$log" >&2
        exit 1
    fi
    sleep 1
done
cat "$log"
