#!/usr/bin/env bash
# Times training beside diffusers and accelerate (scripts/bench_train.py), with everything that it needs.
#   scripts/bench_train.sh [small] [sd14] [fp32] [bf16]
source "$(dirname "$0")/steps.sh"
scripts/setup.sh
scripts/build.sh release medisyn
scripts/fetch_quickstart_data.sh
scripts/setup_peers.sh
.venv-peers/bin/python scripts/bench_train.py "$@"
