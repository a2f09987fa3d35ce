#!/usr/bin/env bash
# Measures what the search for duplicates finds on real images (scripts/measure_duplicates.py), with everything that
# it needs.
source "$(dirname "$0")/steps.sh"
scripts/setup.sh
scripts/build.sh release duplicates_run
scripts/fetch_quickstart_data.sh
python3 scripts/measure_duplicates.py
