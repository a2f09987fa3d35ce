# Sourced by the other scripts: steps with their times, and failures in one clear line.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p build
LOG=${LOG:-$PWD/build/setup.log}
SCRIPT_STARTED=$SECONDS

die() {
  echo "error: $*" >&2
  exit 2
}

# step NAME COMMAND...: runs the command with its output in the log file; on failure one line says what and why.
step() {
  local name=$1 started=$SECONDS
  shift
  printf '%-58s' "$name ..."
  if ! "$@" >"$LOG.step" 2>&1; then
    echo " failed"
    cat "$LOG.step" >>"$LOG"
    die "$name: $(why_failed) (all of it: $LOG)"
  fi
  cat "$LOG.step" >>"$LOG"
  echo " $((SECONDS - started)) s"
}

# The reason of the last failed step, out of what its programs printed.
why_failed() {
  if grep -qiE 'no space left on device' "$LOG.step"; then
    echo "the disk is full: free some space and run this again"
  elif grep -qiE 'temporary failure (in name )?resol|could not resolve|failed to establish a new connection|network is unreachable|connection (timed out|refused)|unable to fetch' "$LOG.step"; then
    echo "no network: the package servers cannot be reached"
  elif grep -qiE 'are you root|permission denied|could not open lock file' "$LOG.step"; then
    echo "not allowed: run as root or install sudo"
  else
    grep -iE 'error|failed|fatal' "$LOG.step" | head -n 1 | cut -c1-300 || true
  fi
}
