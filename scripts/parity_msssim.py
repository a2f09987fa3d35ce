#!/usr/bin/env python3
"""MS-SSIM of more than 200 pairs of pictures, `medisyn eval msssim` beside pytorch-msssim.

usage: .venv-peers/bin/python scripts/parity_msssim.py      (scripts/fetch_quickstart_data.sh fetches the photographs)

Photographs, noise, constants, grey, black beside white and a negative, all pairs of them, at eight sizes of 161 to 1024
pixels, odd ones and oblong ones too. pytorch-msssim computes in double precision: in single precision it differs from
itself by up to what the last column says, because the variance of a flat picture is nothing but rounding then. Exits
with 1 where a score differs by more than 1e-5.
"""
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from PIL import Image
from pytorch_msssim import ms_ssim

PROGRAM = "build/release/medisyn"
PHOTOGRAPHS = pathlib.Path("quickstart/data")
SIZES = [(161, 161), (175, 181), (200, 333), (256, 256), (333, 300), (512, 512), (513, 700), (1024, 1024)]
BOUND = 1e-5


def photographs() -> list[Image.Image]:
    """The largest of the quickstart's pictures that are files of their own; of volumes nothing."""
    files = [f for f in PHOTOGRAPHS.rglob("*") if f.suffix.lower() in (".jpg", ".jpeg", ".png") and f.is_file()]
    opened = sorted(((Image.open(f).convert("RGB"), f.name) for f in files), key=lambda p: (-min(p[0].size), p[1]))
    if len(opened) < 2:
        raise SystemExit(f"FAILED: {PHOTOGRAPHS}: expected at least two photographs; run scripts/fetch_quickstart_data.sh")
    return [picture for picture, _ in opened[:2]]


def pictures(height: int, width: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(height)
    first, second = (np.asarray(p.resize((width, height), Image.Resampling.BICUBIC)) for p in photographs())
    noise = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    halves = np.zeros((height, width, 3), np.uint8)
    halves[:, width // 2:] = 255
    return {"photograph": first, "other": second, "negative": 255 - first, "noise": noise,
            "noisy": (first.astype(int) + noise // 8 - 16).clip(0, 255).astype(np.uint8),
            "grey": np.repeat(first.mean(2, keepdims=True).astype(np.uint8), 3, 2), "halves": halves,
            "constant": np.full((height, width, 3), (200, 10, 90), np.uint8)}


def ours(folder: pathlib.Path) -> tuple[dict[tuple[str, str], float], dict]:
    out = folder / "out"
    done = subprocess.run([PROGRAM, "eval", "msssim", "--images", folder, "--out", out, "--json"], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"FAILED: {done.stderr.strip()}")
    with open(out / "pairs.csv", encoding="utf-8") as file:
        return ({(row["a"], row["b"]): float(row["ms_ssim"]) for row in csv.DictReader(file)},
                json.loads(done.stdout)["metrics"])


def main() -> int:
    torch.set_num_threads(1)
    worst, count = 0.0, 0
    print("size | pairs | largest difference, of | pytorch-msssim's own in single precision")
    for height, width in SIZES:
        with tempfile.TemporaryDirectory() as work:
            tensors = {}
            for name, pixels in pictures(height, width).items():
                Image.fromarray(pixels).save(pathlib.Path(work) / f"{name}.png")
                tensors[f"{name}.png"] = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]
            scores, metrics = ours(pathlib.Path(work))
        differences, single = {}, 0.0
        for (a, b), score in scores.items():
            expected = ms_ssim(tensors[a].double(), tensors[b].double(), data_range=255).item()
            differences[a, b] = abs(score - expected)
            single = max(single, abs(ms_ssim(tensors[a].float(), tensors[b].float(), data_range=255).item() - expected))
        pair = max(differences, key=lambda p: differences[p])
        worst, count = max(worst, differences[pair]), count + len(scores)
        print(f"{width} x {height} | {len(scores)} | {differences[pair]:.1e}, {pair[0]} and {pair[1]} | {single:.1e}", flush=True)
        assert metrics["pairs"] == len(tensors) * (len(tensors) - 1) // 2
    print(f"{count} pairs, largest difference {worst:.1e}: " + ("as required" if worst <= BOUND else "FAILED"))
    return 1 if worst > BOUND else 0


if __name__ == "__main__":
    sys.exit(main())
