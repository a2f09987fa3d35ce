#!/usr/bin/env bash
# Times the exact search for similar embeddings (scripts/bench_neighbours.py), with everything that it needs.
source "$(dirname "$0")/steps.sh"
scripts/setup.sh
scripts/build.sh release similar_pairs_run
scripts/setup_peers.sh
.venv-peers/bin/python scripts/bench_neighbours.py
