#!/usr/bin/env python3
"""Times `medisyn eval fid` beside pytorch-fid (features of Inception) and scipy (the Frechet distance at 2,048 features).

usage: scripts/bench_eval.sh      (in .venv-peers: scripts/bench_eval.py)

Features: both programs read the same PNG files of 512 x 512 pixels and the same random weights, in turns on all threads;
images per second of the extraction alone (medisyn: two runs of different numbers of images, so that loading cancels out;
pytorch-fid: its get_activations, plain and channels-last, batch 50 and its own loader processes). The features must agree.
Distance: covariances of 10,000 random rows; pytorch-fid's calculate_frechet_distance against `medisyn eval fid` of the two
files of statistics, start of the program included. Exits with 1 when a ratio or a difference misses its bound.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from unittest import mock

import numpy as np
import torch
from PIL import Image
from pytorch_fid.fid_score import calculate_frechet_distance, get_activations
from pytorch_fid.inception import InceptionV3, fid_inception_v3

PROGRAM = "build/release/medisyn"
FEW, MANY, SIZE, ROUNDS = 32, 224, 512, 2
ROWS, WIDTH = 10_000, 2048
LEAST_FEATURES, MOST_DISTANCE = 1.6, 0.25


def make_pictures(folder: pathlib.Path, count: int) -> list[str]:
    folder.mkdir()
    random = np.random.default_rng(0)
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    for i in range(count):
        base = 128 + 80 * np.sin(x / (20 + i % 17) + y / (30 + i % 13))
        noise = random.normal(0, 12, (SIZE, SIZE, 3))
        Image.fromarray((base[:, :, None] + noise).clip(0, 255).astype(np.uint8)).save(folder / f"{i:04}.png")
    return sorted(str(file) for file in folder.iterdir())


def random_network() -> torch.nn.Module:
    torch.manual_seed(0)
    with mock.patch("pytorch_fid.inception.load_state_dict_from_url"), \
         mock.patch.object(torch.nn.Module, "load_state_dict"):
        return fid_inception_v3().eval()


def run(*arguments: object) -> tuple[dict, float]:
    started = time.perf_counter()
    done = subprocess.run([PROGRAM, "eval", "fid", *map(str, arguments), "--device", "cpu", "--json"], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"FAILED: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout), time.perf_counter() - started


def our_rate(work: pathlib.Path, round_: int) -> float:
    seconds = {}
    for name in ("few", "many"):
        out = work / f"{name}{round_}"
        result, _ = run("--real", work / name, "--save-statistics", work / f"{name}{round_}.npz", "--weights",
                        work / "weights.pth", "--save-features", "--out", out)
        seconds[name] = result["seconds"]
    return (MANY - FEW) / (seconds["many"] - seconds["few"])


def their_rate(files: list[str], model: torch.nn.Module, channels_last: bool) -> tuple[float, np.ndarray]:
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    seconds, features = {}, None
    for count in (FEW, MANY):
        started = time.perf_counter()
        features = get_activations(files[:count], model, batch_size=50, num_workers=min(8, os.cpu_count() or 1))
        seconds[count] = time.perf_counter() - started
    return (MANY - FEW) / (seconds[MANY] - seconds[FEW]), features


def features_part(work: pathlib.Path) -> list[str]:
    network = random_network()
    torch.save(network.state_dict(), work / "weights.pth")
    files = make_pictures(work / "many", MANY)
    (work / "few").mkdir()
    for file in files[:FEW]:
        os.link(file, work / "few" / pathlib.Path(file).name)
    with mock.patch("pytorch_fid.inception.fid_inception_v3", return_value=network):
        model = InceptionV3([3]).eval()
    ours, plain, last, features = [], [], [], None
    for round_ in range(ROUNDS):
        ours.append(our_rate(work, round_))
        model = model.to(memory_format=torch.contiguous_format)
        rate, features = their_rate(files, model, channels_last=False)
        plain.append(rate)
        last.append(their_rate(files, model, channels_last=True)[0])
    with np.load(work / "many0" / "features.npz") as saved:
        difference = np.abs(saved["real"] - features).max() / np.abs(features).max()
    ratio, ratio_last = max(ours) / max(plain), max(ours) / max(last)
    print(f"Inception features, {MANY} PNG of {SIZE} x {SIZE}, {os.cpu_count()} cores, best of {ROUNDS} rounds, images/s:")
    print(f"  medisyn {max(ours):.1f} ({', '.join(format(r, '.1f') for r in ours)}), pytorch-fid {max(plain):.1f} "
          f"({', '.join(format(r, '.1f') for r in plain)}), channels-last {max(last):.1f}: {ratio:.2f} and {ratio_last:.2f} times")
    print(f"  features differ by {difference:.1e} of the largest")
    return [text for is_fault, text in (
        (ratio < LEAST_FEATURES, f"features at {ratio:.2f} of pytorch-fid's rate"),
        (not difference < 1e-5, "features differ")) if is_fault]


def distance_part(work: pathlib.Path) -> list[str]:
    random = np.random.default_rng(1)
    mixing = random.normal(size=(WIDTH, WIDTH)) * (0.3 * np.exp(-np.arange(WIDTH) / 400))
    moments = []
    for i, name in enumerate(("a", "b")):
        rows = random.normal(size=(ROWS, WIDTH)) @ mixing.T * (1 + 0.05 * i) + 0.02 * i
        moments.append((rows.mean(0), np.cov(rows, rowvar=False)))
        np.savez(work / f"{name}.npz", mu=moments[-1][0], sigma=moments[-1][1])
    theirs, ours, distances = [], [], {}
    for _ in range(ROUNDS):
        started = time.perf_counter()
        distances["scipy"] = float(calculate_frechet_distance(*moments[0], *moments[1]))
        theirs.append(time.perf_counter() - started)
        result, seconds = run("--real", work / "a.npz", "--generated", work / "b.npz")
        ours.append(seconds)
        distances["medisyn"] = result["metrics"]["fid"]
    ratio = min(ours) / min(theirs)
    difference = abs(distances["medisyn"] / distances["scipy"] - 1)
    print(f"Frechet distance at {WIDTH} features, seconds: medisyn {min(ours):.2f} with its start and the files, pytorch-fid "
          f"with scipy {min(theirs):.2f}: {ratio:.3f} of it; {distances['medisyn']:.6f} and {distances['scipy']:.6f} differ by "
          f"{difference:.1e}")
    return [text for is_fault, text in (
        (ratio > MOST_DISTANCE, f"the distance takes {ratio:.2f} of scipy's time"),
        (not difference < 1e-6, "distances differ")) if is_fault]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        faults = features_part(pathlib.Path(folder)) + distance_part(pathlib.Path(folder))
    print("FAILED: " + "; ".join(faults) if faults else "all as required")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
