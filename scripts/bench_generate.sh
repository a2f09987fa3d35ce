#!/usr/bin/env bash
# Times text to image with Stable Diffusion 1.4 (scripts/bench_generate.py), with everything that it needs.
source "$(dirname "$0")/steps.sh"
scripts/setup.sh
scripts/build.sh release medisyn generate_run
scripts/fetch_quickstart_data.sh
scripts/setup_peers.sh
.venv-peers/bin/python scripts/bench_generate.py
