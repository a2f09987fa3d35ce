#!/usr/bin/env bash
# medisyn beside the reference libraries: pictures, DICOM, NIfTI, tokenizers, model folders, networks, MS-SSIM, one picture
# and one training step at the published sizes, every sampler and a few trainings at small ones. Takes about half an hour on
# two cores, 22 GB of memory and 30 GB of disk.
source "$(dirname "$0")/steps.sh"
scripts/setup.sh
scripts/build.sh release medisyn parity_run pipeline_parity_test train_parity_test medical_files_run pixels_run
scripts/fetch_quickstart_data.sh
scripts/setup_peers.sh
failed=0
for script in parity_pixels parity_medical_files parity_tokenizers parity_folders parity_models parity_msssim parity_generate parity_training; do
  printf '\n%s\n' "$script"
  .venv-peers/bin/python "scripts/$script.py" || failed=1
done
printf '\nparity_reader_study\n'
.venv-peers/bin/python scripts/parity_reader_study.py build/release/medisyn || failed=1
for test in pipeline train; do
  printf '\n%s_parity_test\n' "$test"
  "build/release/tests/$test/${test}_parity_test" || failed=1
done
exit $failed
