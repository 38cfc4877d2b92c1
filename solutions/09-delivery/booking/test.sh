#!/bin/bash
# The page must say what one can do here.
set -euo pipefail
if ! grep -q "Book a bicycle" www/index.html; then
  echo "test: the page does not say \"Book a bicycle\""
  exit 1
fi
echo "test: the page is as it should be"
