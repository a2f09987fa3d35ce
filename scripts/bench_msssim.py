#!/usr/bin/env python3
"""Times `medisyn eval msssim` beside pytorch-msssim, in pairs of 512 x 512 RGB pictures a second.

usage: scripts/bench_msssim.sh      (in .venv-peers: scripts/bench_msssim.py)

400 PNG files and 2,000 random pairs, five pairs a picture as in the paper's 10,000 pictures and 50,000 pairs. medisyn's rate
is that of the whole program, its start and the decoding included: once with memory for all pictures, once with memory for
a tenth of them, as 10,000 of this size leave it on a machine of 24 GiB. pytorch-msssim's is of tensors that lie in memory
already, on all threads, one pair a call and eight, the faster of both. Both programs run in turns, the best round of each
counts. Exits with 1 where a ratio misses its target or the scores differ.
"""
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from PIL import Image
from pytorch_msssim import ms_ssim

PROGRAM = "build/release/medisyn"
IMAGES, PAIRS, SIZE, ROUNDS, TARGET = 400, 2_000, 512, 3, 30
PREPARED_MIB = SIZE * SIZE * 3 * 4 * 4 >> 20  # three floats a value, over all scales
PEER_PAIRS, PEER_BATCHES = 16, (1, 8)
BOUND = 1e-4  # of single precision, in which pytorch-msssim computes here; scripts/parity_msssim.py has the 1e-5


def make_pictures(folder: pathlib.Path) -> None:
    random = np.random.default_rng(0)
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    for i in range(IMAGES):
        base = 128 + 80 * np.sin(x / (20 + i % 17) + y / (30 + i % 13))
        noise = random.normal(0, 12, (SIZE, SIZE, 3))
        Image.fromarray((base[:, :, None] + noise).clip(0, 255).astype(np.uint8)).save(folder / f"{i:04}.png")


def our_rate(folder: pathlib.Path, out: pathlib.Path, memory_mib: int) -> float:
    started = time.perf_counter()
    done = subprocess.run([PROGRAM, "eval", "msssim", "--images", folder, "--pairs", str(PAIRS), "--memory", str(memory_mib),
                           "--out", out, "--json"], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit(f"FAILED: {done.stderr.strip()[-500:]}")
    assert json.loads(done.stdout)["metrics"]["pairs"] == PAIRS
    return PAIRS / seconds


def their_rate(a: torch.Tensor, b: torch.Tensor, batch: int) -> tuple[float, torch.Tensor]:
    started = time.perf_counter()
    scores = torch.cat([ms_ssim(a[i:i + batch], b[i:i + batch], data_range=255, size_average=False)
                        for i in range(0, len(a), batch)])
    return len(a) / (time.perf_counter() - started), scores


def load(folder: pathlib.Path, names: list[str]) -> torch.Tensor:
    return torch.stack([torch.from_numpy(np.array(Image.open(folder / name))).permute(2, 0, 1) for name in names]).float()


def rates(values: list[float]) -> str:
    return f"{max(values):.1f} ({', '.join(format(v, '.1f') for v in values)})"


def main() -> int:
    memories = {"memory for all": IMAGES * PREPARED_MIB + 1024, "memory for a tenth": IMAGES * PREPARED_MIB // 10}
    ours: dict[str, list[float]] = {name: [] for name in memories}
    theirs: dict[int, list[float]] = {batch: [] for batch in PEER_BATCHES}
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work) / "pictures"
        folder.mkdir()
        make_pictures(folder)
        for round_ in range(ROUNDS):
            for name, memory in memories.items():
                out = pathlib.Path(work) / f"{name} {round_}"
                ours[name].append(our_rate(folder, out, memory))
                with open(out / "pairs.csv", encoding="utf-8") as file:
                    rows = list(csv.DictReader(file))[:PEER_PAIRS]
            a, b = (load(folder, [row[side] for row in rows]) for side in "ab")
            for batch in PEER_BATCHES:
                rate, scores = their_rate(a, b, batch)
                theirs[batch].append(rate)
    difference = max(abs(float(row["ms_ssim"]) - score.item()) for row, score in zip(rows, scores))
    peer = max(max(values) for values in theirs.values())
    print(f"MS-SSIM of {PAIRS} pairs of {IMAGES} PNG of {SIZE} x {SIZE}, {os.cpu_count()} cores, best of {ROUNDS} rounds, pairs/s:")
    for batch, values in theirs.items():
        print(f"  pytorch-msssim, {batch} a call: {rates(values)}")
    faults = []
    for name, values in ours.items():
        ratio = max(values) / peer
        print(f"  medisyn, {name}: {rates(values)}: {ratio:.1f} times; target {TARGET}: {'met' if ratio >= TARGET else 'MISSED'}")
        if ratio < TARGET:
            faults.append(f"{ratio:.1f} times with {name}")
    print(f"  scores of {len(rows)} pairs differ by {difference:.1e}")
    if not difference < BOUND:
        faults.append("scores differ")
    print("FAILED: " + "; ".join(faults) if faults else "all as required")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
