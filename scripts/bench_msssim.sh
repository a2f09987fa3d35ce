#!/usr/bin/env bash
# Times `medisyn eval msssim` beside pytorch-msssim (scripts/bench_msssim.py), with everything that it needs.
source "$(dirname "$0")/steps.sh"
scripts/setup.sh
scripts/build.sh release medisyn
scripts/setup_peers.sh
.venv-peers/bin/python scripts/bench_msssim.py
