#!/usr/bin/env python3
"""Training a classifier on a CPU: medisyn beside a torchvision loop that loads with PIL, in images a second.

usage: scripts/bench_classify.sh [resnet50] [efficientnet_lite0] [fp32] [bf16]

Files are crops of real photographs of 512 x 512 pixels, half JPEG and half PNG, none read twice within a run, so that
medisyn's memory for decoded pictures does not help. Training is at 224 pixels with SGD, in batches of 32, from the same
weights, on all cores. The loop is that of torchvision's references: a DataLoader with PIL and torchvision's transforms;
without worker processes and with one a core, the faster counts. It is timed as it stands, and once more with
channels-last images and weights. The first steps do not count. Programs run in turns, the best round of each counts.
Exits with 1 where ResNet-50 in fp32 misses its target of 1.2 times the loop as it stands, or where medisyn waits for
images in 5 % of the time or more.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import classify_peer as peer

CASES = {"resnet50": {"steps": 6, "learning_rate": 0.01}, "efficientnet_lite0": {"steps": 12, "learning_rate": 0.01}}
PRECISIONS = ("fp32", "bf16")
BATCH, WARM_UP, ROUNDS, SIDE = 32, 2, 2, 512
TARGET, WAIT_TARGET = 1.2, 0.05
PEER = """
import json, sys
sys.path.insert(0, "scripts")
import classify_peer
print(classify_peer.timed(**json.loads(sys.argv[1])))
"""


def our_rate(job: dict) -> tuple[float, float]:
    """Images a second and the share of waiting."""
    found = peer.run_medisyn(job)
    seconds = found["step_seconds"]
    return BATCH * (len(seconds) - WARM_UP) / sum(seconds[WARM_UP:]), found["data_wait"]


def their_rate(task: dict) -> float:
    done = subprocess.run([sys.executable, "-c", PEER, json.dumps(task)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"FAILED: {done.stderr.strip()[-500:]}")
    return float(done.stdout.splitlines()[-1])


def compare(model: str, precision: str, folder: pathlib.Path, entries: list[dict], faults: list[str]) -> None:
    case, is_judged = CASES[model], (model, precision) == ("resnet50", "fp32")
    config = {"model": model, "weights": str(peer.make_weights(model, folder)), "multi_label": False, "batch_size": BATCH,
              "optimizer": "sgd", "schedule": "constant", "precision": precision, "validate_every_steps": case["steps"],
              **case}
    train = entries[:BATCH * case["steps"]]
    job = {"config": config, "classes": list(peer.PHOTOGRAPHS), "threads": os.cpu_count(), "train": train,
           "validation": entries[-8:], "test": entries[-8:]}
    ours, waits = [], []
    theirs: dict[tuple[bool, int], list[float]] = {}
    for _ in range(ROUNDS):
        rate, wait = our_rate(job)
        ours.append(rate)
        waits.append(wait)
        for channels_last in (False, True):
            for workers in (0, os.cpu_count()):
                task = {"config": config, "entries": train, "workers": workers, "warm_up": WARM_UP,
                        "channels_last": channels_last}
                theirs.setdefault((channels_last, workers), []).append(their_rate(task))
    print(f"{model} {precision}: medisyn {max(ours):.2f} images/s ({', '.join(f'{r:.2f}' for r in ours)}), waits for data "
          f"{100 * min(waits):.1f} % of the time: {'met' if min(waits) < WAIT_TARGET else 'MISSED'}", flush=True)
    for channels_last, name in ((False, "torchvision loop"), (True, "channels-last  ")):
        rates = {workers: max(values) for (last, workers), values in theirs.items() if last == channels_last}
        ratio = max(ours) / max(rates.values())
        verdict = f"; target {TARGET}: {'met' if ratio >= TARGET else 'MISSED'}" if is_judged and not channels_last else ""
        each = ", ".join(f"{rate:.2f} with {workers} workers" for workers, rate in rates.items())
        print(f"  {name} {each}: {ratio:.2f} times{verdict}", flush=True)
        if "MISSED" in verdict:
            faults.append(f"{ratio:.2f} times the loop")
    if min(waits) >= WAIT_TARGET:
        faults.append(f"{model} {precision} waits for data")


def main() -> int:
    unknown = set(sys.argv[1:]) - {*CASES, *PRECISIONS}
    if unknown:
        raise SystemExit(f"bench_classify: expected {', '.join((*CASES, *PRECISIONS))}, found {' '.join(sorted(unknown))}")
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work)
        entries = peer.crops(folder, BATCH * max(case["steps"] for case in CASES.values()) + 8, SIDE, [".jpg", ".png"])
        for model in [model for model in CASES if model in sys.argv] or CASES:
            for precision in [precision for precision in PRECISIONS if precision in sys.argv] or PRECISIONS:
                compare(model, precision, folder, entries, faults)
    print("FAILED: " + "; ".join(faults) if faults else "all as required")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
