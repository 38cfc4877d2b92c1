#!/usr/bin/env bash
# Dara's test of the page. Nobody has called it since spring.
grep -q '<h1>Harbour Bikes</h1>' www/index.html || { echo "the page has no heading"; exit 1; }
