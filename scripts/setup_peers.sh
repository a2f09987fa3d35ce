#!/usr/bin/env bash
# Makes .venv-peers, the reference libraries (diffusers, transformers, open_clip and others) that tests and golden files compare with. The
# program and its build never use it. Safe to run again.
source "$(dirname "$0")/steps.sh"

# Python's own torch loads every CUDA library. Where .venv has them, its torch is shared (5 GB once, not twice);
# where .venv is CPU-only, torch and those libraries are installed here.
make_peers() {
  rm -rf .venv-peers
  "$PYTHON" -m venv .venv-peers
  local requirements=(-r scripts/requirements-peers.txt)
  if shared_torch; then
    local site
    site=$(echo "$PWD"/.venv/lib/python3*/site-packages)
    echo "$site" >"$(echo .venv-peers/lib/python3*/site-packages)/torch.pth"
  else
    requirements+=(-r scripts/requirements-cpu.txt -r scripts/requirements-cuda.txt)
  fi
  .venv-peers/bin/python -m pip install --no-deps --disable-pip-version-check "${requirements[@]}"
}

shared_torch() {
  .venv/bin/python -c 'import pathlib, sysconfig
site = pathlib.Path(sysconfig.get_path("purelib"))
raise SystemExit(not (site / "torch").exists() or not (site / "nvidia/nccl").exists())'
}

check_peers() {
  .venv-peers/bin/python -c 'import diffusers, efficientnet_lite_pytorch, open_clip, pytorch_fid, pytorch_msssim, timm, safetensors.torch, torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel'
}

# The page of a reader study is tested in a browser; without one that test is skipped, and says so.
install_browser() {
  export DEBIAN_FRONTEND=noninteractive
  local root=()
  [ "$(id -u)" -eq 0 ] || root=(sudo -n)
  "${root[@]}" apt-get update -o Acquire::Retries=3
  "${root[@]}" apt-get install -y --no-install-recommends chromium chromium-driver
}

if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; then
  (step "Chromium, to test the page of a reader study" install_browser) || echo "warning: without it that test is skipped" >&2
fi

PYTHON=${PYTHON:-/usr/bin/python3}
"$PYTHON" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null ||
  die "wrong Python: expected 3.11 to 3.14 at $PYTHON, found $("$PYTHON" --version 2>&1 | head -n 1); set PYTHON=/path/to/python3"
stamp=$(cat scripts/setup_peers.sh scripts/requirements-*.txt .venv/.requirements | sha256sum | cut -d' ' -f1)
if [ "$(cat .venv-peers/.requirements 2>/dev/null)" != "$stamp" ]; then
  need=1
  shared_torch || need=7
  free=$(df --output=avail -BG . | tail -n 1 | tr -dc 0-9)
  [ "$free" -ge "$need" ] || die "the disk is full: $need GB are needed here, $free GB are free"
  step "reference libraries in .venv-peers" make_peers
  step "they can be imported" check_peers
  echo "$stamp" >.venv-peers/.requirements
fi
