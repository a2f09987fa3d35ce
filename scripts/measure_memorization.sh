#!/usr/bin/env bash
# Measures what `medisyn eval memorization` finds on real images (scripts/measure_memorization.py), with everything that
# it needs.
source "$(dirname "$0")/steps.sh"
scripts/setup.sh
scripts/build.sh release medisyn
scripts/setup_peers.sh
scripts/fetch_quickstart_data.sh
.venv-peers/bin/python scripts/measure_memorization.py
