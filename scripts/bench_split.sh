#!/usr/bin/env bash
# Times the split of a manifest of the paper's size (scripts/bench_split.py), with everything that it needs.
source "$(dirname "$0")/steps.sh"
scripts/setup.sh
scripts/build.sh release split_run
python3 scripts/bench_split.py
