#!/usr/bin/env bash
# Configures and builds a preset: scripts/build.sh PRESET [TARGET...]
source "$(dirname "$0")/steps.sh"
preset=$1
shift
export PATH=$PWD/.venv/bin:$PATH
step "configure $preset (CUDA: ${MEDISYN_CUDA:-AUTO})" cmake --preset "$preset" -DMEDISYN_CUDA="${MEDISYN_CUDA:-AUTO}"
step "build $preset" cmake --build "build/$preset" --target "${@:-all}"
