#!/usr/bin/env bash
# The main job on real medical images, from nothing to one HTML page: set-up, build, curate, train, generate, score.
#   --fresh   starts the job again from its first command (results are in quickstart/out)
set -o pipefail
scripts=$(dirname "$0")
"$scripts/setup.sh" || exit
"$scripts/build.sh" release medisyn || exit
"$scripts/fetch_quickstart_data.sh" || exit
source "$scripts/steps.sh"
[ "${1:-}" = --fresh ] && rm -rf quickstart/out
out=quickstart/out
weights=quickstart/data/efficientnet_lite0/model.safetensors
mkdir -p $out

# run FOLDER medisyn ARGUMENT...: prints the command as it would be typed and runs it, unless its result is there.
run() {
  local folder=$1 name=$2
  shift 2
  local resume=()
  printf '\n$ %s' "$name"
  printf ' %q' "$@"
  echo
  if [ -e "$folder/result.json" ]; then
    echo "(done before: $folder; scripts/quickstart.sh --fresh starts again)"
    return
  fi
  if [ "$1" = train ] && [ -e "$folder/latest" ]; then
    resume=(--resume)
  else
    rm -rf "$folder"
  fi
  .venv/bin/python scripts/measured.py build/release/medisyn "$@" "${resume[@]}" || exit
}

job_started=$SECONDS
run $out/data medisyn curate --config quickstart/curate.yaml --out $out/data
run $out/vae medisyn train --config quickstart/vae.yaml --out $out/vae
run $out/unet medisyn train --config quickstart/unet.yaml --out $out/unet
run $out/generated medisyn generate --model $out/unet --prompts quickstart/prompts.txt --steps 30 --scale 3 --batch 25 --out $out/generated
run $out/unconditional medisyn generate --model $out/unet --prompts quickstart/prompts.txt --steps 30 --scale 3 --batch 25 --unconditional \
  --out $out/unconditional
run $out/heldout medisyn generate --model $out/unet --prompts $out/data --where split=test --sample 300 --steps 30 --scale 3 --batch 25 \
  --out $out/heldout
run $out/eval/fid medisyn eval fid --real $out/data --where split=test --generated $out/heldout \
  --extractor efficientnet_lite0 --weights $weights --out $out/eval/fid
run $out/eval/msssim_generated medisyn eval msssim --images $out/heldout --scales 3 --pairs 5000 \
  --out $out/eval/msssim_generated
run $out/eval/msssim_real medisyn eval msssim --images $out/data --where split=test --scales 3 --pairs 5000 \
  --out $out/eval/msssim_real
run $out/eval/alignment medisyn eval alignment --real $out/data --generated $out/generated $out/unconditional \
  --weights $weights --out $out/eval/alignment
rm -f $out/report.html
run $out/report medisyn report --config quickstart/report.yaml --out $out/report.html
echo
echo "The main job took $(((SECONDS - job_started) / 60)) min $(((SECONDS - job_started) % 60)) s. Open $out/report.html in a browser."
