#!/usr/bin/env bash
# Times CLIP's tokenizer (scripts/bench_tokenizers.py), with everything that it needs.
source "$(dirname "$0")/steps.sh"
scripts/setup.sh
scripts/build.sh release medisyn
scripts/fetch_quickstart_data.sh
scripts/setup_peers.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
build/release/medisyn curate --config quickstart/curate.yaml --out "$work/data" --quiet
.venv-peers/bin/python scripts/bench_tokenizers.py "$work/data/metadata.jsonl"
