#!/usr/bin/env bash
# Dara's Friday: a pull request and five commits, one after the other, on top of what main is now.
# Each is pushed with git, so each runs your pipeline. At the end main is what it was before.
set -euo pipefail
server=$(ecrlab ci repository)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone -q "$server" "$work/booking"
cd "$work/booking"
git config user.name Dara
git config user.email dara@harbour-bikes.example
before=$(git rev-parse origin/main)
trap 'git --git-dir="$server" update-ref refs/heads/main "$before"; rm -rf "$work"' EXIT

package() {  # package NAME SOURCE VERSION: the only entry of the image's package list
  printf 'Package: %s\nStatus: install ok installed\nArchitecture: amd64\nSource: %s\nVersion: %s\n\n' "$@" > packages
}
deliver() {  # deliver "what it is" REF
  echo "== $1"
  git add --all
  git commit -q -m "$1"
  git push -q origin "+HEAD:$2" 2>&1 | sed -n 's/^remote: \(run [0-9]* ended.*\)$/   \1/p'
  git checkout -q "$before" -- .
}

printf '#!/usr/bin/env bash\nexit 0\n' > gate.sh
deliver "A pull request that says: no gate, please" refs/pull/7/merge
git reset -q --hard "$before"

sed 's|<h1>Harbour Bikes</h1>|<h1>|' www/index.html > page && mv page www/index.html
deliver "A new heading" refs/heads/main

package curl curl 7.88.1-10+deb12u3
deliver "An older curl" refs/heads/main

package openssh-server openssh 1:9.2p1-2+deb12u2
deliver "ssh, for looking in" refs/heads/main

grep -v os-release Dockerfile > smaller && mv smaller Dockerfile
deliver "A smaller image" refs/heads/main

echo "Open until nine on regatta day." > www/hours.txt
deliver "Opening hours for the regatta" refs/heads/main
