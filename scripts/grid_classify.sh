#!/usr/bin/env bash
# `medisyn eval classify` on the quickstart's real and generated images: 2 sources x 3 fractions x 3 seeds, killed in the
# middle and gone on with. Says what it took, and fails when a finished run was repeated, when more training images made the
# AUROC worse than by 0.01, or when it took longer than 15 minutes.
#   usage: scripts/grid_classify.sh [OUT]      (default: quickstart/out/classify, made anew)
set -o pipefail
scripts=$(dirname "$0")
if [ ! -e "$scripts/../quickstart/out/generated/result.json" ]; then
  "$scripts/quickstart.sh" || exit
fi
source "$scripts/steps.sh"
out=${1:-quickstart/out/classify}
rm -rf "$out"
grid=(build/release/medisyn eval classify --config quickstart/classify.yaml --out "$out")
runs() { cat "$out/runs.jsonl" 2>/dev/null | wc -l; }

"${grid[@]}" --dry-run
started=$SECONDS
echo
echo "\$ ${grid[*]}     (killed after 6 runs)"
"${grid[@]}" --quiet &
pid=$!
while kill -0 $pid 2>/dev/null && [ "$(runs)" -lt 6 ]; do sleep 0.2; done
kill -9 $pid 2>/dev/null || die "the grid ended before 6 runs"
wait $pid 2>/dev/null || true
cp "$out/runs.jsonl" "$out/before.jsonl"
echo "killed with kill -9 after $(runs) runs"
echo
echo "\$ ${grid[*]}"
.venv/bin/python scripts/measured.py "${grid[@]}" || exit
seconds=$((SECONDS - started))

.venv/bin/python - "$out" "$seconds" <<'PYTHON'
import json, pathlib, sys
out, seconds = pathlib.Path(sys.argv[1]), int(sys.argv[2])
before = (out / "before.jsonl").read_text().splitlines()
lines = (out / "runs.jsonl").read_text().splitlines()
names = [json.loads(line)["run"] for line in lines]
metrics = json.loads((out / "result.json").read_text())["metrics"]
assert lines[: len(before)] == before and len(set(names)) == len(names) == 18, "a finished run was repeated or lost"
for source in ("real", "synthetic"):
    means = [score["macro_auroc"]["mean"] for score in metrics["scores"] if score["source"] == source]
    assert means[-1] >= means[0] - 0.01, f"{source}: {means}"
    print(f"{source}: macro-AUROC " + ", ".join(f"{mean:.4f}" for mean in means))
waits = [run["data_wait"] for run in metrics["runs"]]
speeds = sorted(run["images_per_second"] for run in metrics["runs"])
assert seconds < 15 * 60, f"{seconds} s"
print(f"{len(before)} runs kept, {len(names) - len(before)} made after the kill; {seconds} s in all, kill included; "
      f"{speeds[len(speeds) // 2]:.0f} images/s (median), data wait at most {100 * max(waits):.1f} %")
PYTHON
rm -f "$out/before.jsonl"
