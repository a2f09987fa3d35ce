#!/usr/bin/env bash
# Installs what a build needs: Debian packages and a project-local .venv with pinned wheels. Safe to run again.
#   MEDISYN_CUDA=AUTO|ON|OFF   AUTO (default) installs the CUDA wheels where nvcc is found
source "$(dirname "$0")/steps.sh"

APT_PACKAGES=(ca-certificates ccache g++ libarchive-dev libcli11-dev libcpp-httplib-dev libdcmtk-dev libdeflate-dev libgdcm-dev libgloo-dev libgtest-dev libgmock-dev libicu-dev libjpeg-dev
  libjs-chart.js libnifti-dev libopencv-dev libopenslide-dev libpng-dev libsentencepiece-dev libspdlog-dev libsqlite3-dev libssl-dev libtiff-dev libyaml-cpp-dev nlohmann-json3-dev
  python3 python3-pip python3-venv zlib1g-dev)

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo -n "$@"
  fi
}

check_machine() {
  [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || die "expected Linux on x86-64, found $(uname -s) on $(uname -m)"
  command -v apt-get >/dev/null || die "expected a Debian system (apt-get): see README.md for other systems"
  local need=4 free
  [ "$WITH_CUDA" = ON ] && need=12
  [ -e .venv/.requirements ] && need=2
  free=$(df --output=avail -BG . | tail -n 1 | tr -dc 0-9)
  [ "$free" -ge "$need" ] || die "the disk is full: $need GB are needed here, $free GB are free"
}

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  as_root apt-get update -o Acquire::Retries=3
  as_root apt-get install -y --no-install-recommends "$@"
}

make_venv() {
  rm -rf .venv
  "$PYTHON" -m venv .venv
  .venv/bin/python -m pip install --no-deps --disable-pip-version-check "$@"
}

WITH_CUDA=${MEDISYN_CUDA:-AUTO}
if [ "$WITH_CUDA" = AUTO ]; then
  WITH_CUDA=OFF
  if command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ]; then
    WITH_CUDA=ON
  fi
fi
check_machine

missing=()
for package in "${APT_PACKAGES[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null || die "no root: ${#missing[@]} Debian packages are missing; run as root or install sudo"
  step "Debian packages (${#missing[@]})" install_packages "${missing[@]}"
fi

PYTHON=${PYTHON:-/usr/bin/python3}
"$PYTHON" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null ||
  die "wrong Python: expected 3.10 to 3.14 at $PYTHON, found $("$PYTHON" --version 2>&1 | head -n 1); set PYTHON=/path/to/python3"

requirements=(scripts/requirements-cpu.txt)
[ "$WITH_CUDA" = ON ] && requirements+=(scripts/requirements-cuda.txt)
stamp=$(cat "${requirements[@]}" | sha256sum | cut -d' ' -f1)
if [ "$(cat .venv/.requirements 2>/dev/null)" != "$stamp" ]; then
  step "wheels in .venv (CUDA: $WITH_CUDA)" make_venv "${requirements[@]/#/-r}"
  echo "$stamp" >.venv/.requirements
fi
