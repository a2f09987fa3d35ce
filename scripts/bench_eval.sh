#!/usr/bin/env bash
# Times `medisyn eval fid` beside pytorch-fid and scipy (scripts/bench_eval.py), with everything that it needs.
source "$(dirname "$0")/steps.sh"
scripts/setup.sh
scripts/build.sh release medisyn
scripts/setup_peers.sh
.venv-peers/bin/python scripts/bench_eval.py
