#!/bin/sh
# Runs a notebook from top to bottom as a test (nbval): a copy of it and of the files beside it, in a lab of its own. The
# learner's lab, progress and files stay as they are. Usage: scripts/validate.sh NOTEBOOK [PYTEST OPTION...]
set -eu
notebook=${1:-}
which="Say which: make validate NOTEBOOK=work/00-start-here.ipynb"
if [ ! -f "$notebook" ]; then
    echo "There is no notebook '$notebook'. $which" >&2
    exit 2
fi
case $notebook in
*.ipynb) ;;
*)
    echo "'$notebook' is not a notebook: its name does not end in .ipynb. $which" >&2
    exit 2
    ;;
esac
shift
bin=$PWD/.venv/bin
scratch=$(mktemp -d "${TMPDIR:-/tmp}/ecrlab-validate.XXXXXX")
ECRLAB_HOME=$scratch/home
export ECRLAB_HOME

tidy() {
    code=$?
    trap - EXIT
    "$bin/ecrlab" stop >/dev/null
    rm -rf "$scratch"
    exit "$code"
}
trap tidy EXIT
trap 'exit 130' INT TERM

cp -R "$(dirname "$notebook")/." "$scratch/work"
"$bin/pytest" -p no:cacheprovider --nbval-lax --quiet "$@" "$scratch/work/$(basename "$notebook")"
