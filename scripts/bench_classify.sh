#!/usr/bin/env bash
# Times the training of classifiers beside a torchvision loop (scripts/bench_classify.py), with everything that it needs.
source "$(dirname "$0")/steps.sh"
scripts/setup.sh
scripts/build.sh release classifier_run
scripts/fetch_quickstart_data.sh
scripts/setup_peers.sh
.venv-peers/bin/python scripts/bench_classify.py "$@"
