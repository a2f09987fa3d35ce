#!/usr/bin/env bash
# Set-up and the whole test suite; the last line is "N passed, N failed, N skipped".
set -o pipefail
scripts=$(dirname "$0")
"$scripts/setup.sh" || exit
"$scripts/setup_peers.sh" || exit
"$scripts/build.sh" release || exit
source "$scripts/steps.sh"
results=$PWD/build/release/results
rm -rf "$results"
mkdir -p "$results"
# Each GoogleTest program writes its cases there; ctest writes one entry a program.
export GTEST_OUTPUT=xml:$results/
.venv/bin/ctest --test-dir build/release --output-on-failure --output-junit "$results/ctest.junit" || true
.venv/bin/python scripts/count_tests.py "$results"
