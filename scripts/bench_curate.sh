#!/usr/bin/env bash
# Times `medisyn curate` beside PIL and hashlib (scripts/bench_curate.py), with everything that it needs.
source "$(dirname "$0")/steps.sh"
scripts/setup.sh
scripts/build.sh release medisyn
scripts/fetch_quickstart_data.sh
scripts/setup_peers.sh
.venv-peers/bin/python scripts/bench_curate.py "$@"
