#!/bin/sh
# Pins what pyproject.toml asks for: requirements.txt is what a learner installs, requirements-class.txt that and what a
# hub of a class needs, requirements-test.txt all that the tests need. Then asks whether every pin has a wheel where learners are: nobody needs a compiler. Usage: scripts/lock.sh UV
set -eu
uv=$1

pin() { # FILE OPTION...
    file=$1
    shift
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
        --no-annotate --no-header --extra course --extra install "$@" pyproject.toml --output-file "$file"
}
pin requirements.txt
pin requirements-class.txt --extra class --constraint requirements.txt
pin requirements-test.txt --extra test --extra class --constraint requirements-class.txt

for platform in x86_64-manylinux_2_28 aarch64-manylinux_2_28 aarch64-apple-darwin x86_64-apple-darwin; do
    for version in 3.11 3.12 3.13 3.14; do
        "$uv" pip compile --quiet --python-platform $platform --python-version $version --only-binary :all: \
            requirements.txt >/dev/null || {
            echo "Somebody with Python $version on $platform would need a compiler: see above, and [tool.uv] in pyproject.toml." >&2
            exit 1
        }
    done
done
