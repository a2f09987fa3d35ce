#!/usr/bin/env bash
# Times the split and the audit of a data set of the paper's size (scripts/bench_audit.py), with everything that it needs.
#   scripts/bench_audit.sh [ROWS [PICTURES]]
source "$(dirname "$0")/steps.sh"
scripts/setup.sh
scripts/build.sh release audit_run
scripts/fetch_quickstart_data.sh
.venv/bin/python scripts/bench_audit.py "$@"
