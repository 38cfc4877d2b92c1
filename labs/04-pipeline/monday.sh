#!/usr/bin/env bash
# The weekend and Monday: bash monday.sh
# Dara pushes three times on Friday evening, two days pass, and on Monday the release goes out that has Saturday's prices.
set -euo pipefail
server=$(ecrlab ci repository)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone -q "$server" "$work/booking"
cd "$work/booking"
git config user.name Dara
git config user.email dara@harbour-bikes.example
before=$(git rev-parse origin/main)

deliver() {  # deliver "what it is": pushed, with the line that says how its run ended
  echo "== $1"
  git add --all
  git commit -q -m "$1"
  git push -q origin HEAD:refs/heads/main 2>&1 | sed -n 's/^remote: \(run [0-9]* ended.*\)$/   \1/p'
}
evaluated() {  # when the lifecycle policy was evaluated last; "None" without a policy
  aws ecr get-lifecycle-policy --repository-name harbour/booking --query lastEvaluatedAt --output text || echo None
}

for hour in six seven eight; do
  git reset -q --hard "$before"
  echo "Friday at $hour" > www/note.txt
  printf 'Package: curl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 7.88.1-10+deb12u3\n\n' > packages
  deliver "Friday at $hour"
  git --git-dir="$server" update-ref refs/heads/main "$before"
done

last=$(evaluated)
ecrlab clock +2d
for _ in 1 2 3 4 5 6 7 8; do
  [ "$(evaluated)" = "$last" ] || break
  sleep 0.5
done

git reset -q --hard "$before"
echo "a day: 20 (Saturday)" > www/prices.txt
deliver "Prices"
git --git-dir="$server" update-ref refs/heads/main "$before"
echo
echo "Monday morning. The regatta is over, and the page has Saturday's prices. Omar's watch runs: now."
