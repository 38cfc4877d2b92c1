#!/usr/bin/env bash
# Puts what the git server has into the folder booking. What you changed and did not commit goes to git's stash.
set -euo pipefail
if [ ! -d booking ]; then
  git clone -q -c user.name=You -c user.email=you@harbour-bikes.example "$(ecrlab ci repository)" booking
fi
cd booking
git remote set-url origin "$(ecrlab ci repository)"
git fetch -q origin
[ -z "$(git status --porcelain)" ] || git stash -q --include-untracked
git reset -q --hard origin/main
git log -1 --format='main: %h %s'
