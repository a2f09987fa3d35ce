#!/usr/bin/env bash
# medisyn beside the reference libraries at the published sizes: tokenizers, model folders, networks. Takes about a
# quarter of an hour on two cores, 16 GB of memory and 25 GB of disk.
source "$(dirname "$0")/steps.sh"
scripts/setup.sh
scripts/build.sh release medisyn parity_run
scripts/fetch_quickstart_data.sh
scripts/setup_peers.sh
failed=0
for script in parity_tokenizers parity_folders parity_models; do
  printf '\n%s\n' "$script"
  .venv-peers/bin/python "scripts/$script.py" || failed=1
done
exit $failed
