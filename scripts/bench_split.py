#!/usr/bin/env python3
"""Splits 1,260,826 made-up manifest rows by groups, splits them again with the first outcome as the earlier run, and
checks that no two sides have anything in common.

usage: scripts/bench_split.sh        (or scripts/bench_split.py after a build)

The rows: 30 repositories of 25 % down to 0.1 %, patients with one to thousands of images, one or three labels an image, 3 %
with near-duplicates. Prints medians of three seeds; exits with 1 when a group stands on two sides, a second run moves
anything, or a split takes longer than 30 s.
"""
import json
import statistics
import subprocess
import sys

RUNNER = "build/release/tests/curate/split_run"
ROWS, SEEDS, LIMIT = 1_260_826, 3, 30.0


def run(seed: int) -> dict:
    done = subprocess.run([RUNNER, str(ROWS), str(seed)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"FAILED: seed {seed}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout)


def main() -> int:
    runs = [run(seed) for seed in range(SEEDS)]

    def median(key: str) -> float:
        return statistics.median(r[key] for r in runs)

    print(f"{ROWS} rows, {median('groups'):.0f} groups, {median('strata'):.0f} classes; medians of {SEEDS} seeds")
    print(f"split {median('split_seconds'):.2f} s, again {median('again_seconds'):.2f} s, check {median('check_seconds'):.2f} s")
    print(f"memory: {median('rows_bytes') / 1e6:.0f} MB of rows, {median('split_bytes') / 1e6:.0f} MB for the split")
    for seed, r in enumerate(runs):
        shares = ", ".join(f"{100 * n / r['rows']:.2f} %" for n in r["images"])
        print(f"seed {seed}: {shares}; furthest from 80:10:10 of the classes with")
        for groups in (500, 100, 20):
            worst = r[f"worst_of_{groups}_groups"]
            print(f"  {groups:3} groups or more: {100 * worst['share']:5.2f} points ({worst['repository']}, {worst['label']}: "
                  f"{worst['images']} images of {worst['groups']} groups); mean {100 * r[f'mean_of_{groups}_groups']:.2f}")
    slowest = max(max(r["split_seconds"], r["again_seconds"]) for r in runs)
    print("no group stands on two sides" if slowest <= LIMIT else f"FAILED: {slowest:.0f} s are more than {LIMIT:.0f}")
    return 0 if slowest <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
