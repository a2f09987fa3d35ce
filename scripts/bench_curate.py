#!/usr/bin/env python3
"""Curating small JPEGs on two cores: `medisyn curate` beside PIL and hashlib in two worker processes.

usage: scripts/bench_curate.sh [IMAGES]      (in .venv-peers: scripts/bench_curate.py; 200000 unless given)

Made-up data: crops of real photographs of 80 to 160 pixels, JPEG quality 90, a thousand in a folder, ten a patient. Both
programs decode, shrink to 64x64 (antialiased bicubic, shorter side, centre crop), hash the pixels and the file with SHA-256
and write a PNG and a line of metadata. medisyn also hashes perceptually, searches duplicates, divides by patient and
writes its audit, all of which counts in its time. Prints images a second, the bytes written, medisyn's peak memory and the
ratio beside its target; then the time of a second run that finds nothing new. Exits with 1 when the two programs' pixels
differ by more than 1 of 255 anywhere in a sample of 500 images.
"""
import concurrent.futures
import hashlib
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

MEDISYN = pathlib.Path("build/release/medisyn").resolve()
PHOTOGRAPHS = ("skimage/retina.jpg", "skimage/ihc.png", "stardist/histo.jpg")
SIDE, WORKERS, TARGET, MEMORY_TARGET = 64, 2, 1.3, 2 * 2**30
PER_FOLDER, PER_PATIENT = 1000, 10


def source(folder: pathlib.Path, number: int) -> pathlib.Path:
    return folder / f"raw/{number // PER_FOLDER:04}/patient{number // PER_PATIENT:06}_{number:06}.jpg"


def make_images(folder: pathlib.Path, first: int, last: int) -> None:
    photographs = [Image.open(pathlib.Path("quickstart/data") / path).convert("RGB") for path in PHOTOGRAPHS]
    for number in range(first, last):
        draw = random.Random(number)
        picture = photographs[number % len(photographs)]
        width, height = draw.randint(80, 160), draw.randint(80, 160)
        left, top = draw.randint(0, picture.width - width), draw.randint(0, picture.height - height)
        path = source(folder, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.crop((left, top, left + width, top + height)).rotate(draw.randint(0, 359), Image.Resampling.BILINEAR).save(
            path, quality=90)


def curate_with_pil(folder: pathlib.Path, first: int, last: int) -> list[str]:
    lines = []
    for number in range(first, last):
        picture = Image.open(source(folder, number)).convert("RGB")
        scale = SIDE / min(picture.size)
        width, height = (max(SIDE, int(length * scale + 0.5)) for length in picture.size)
        left, top = (width - SIDE) // 2, (height - SIDE) // 2
        picture = picture.resize((width, height), Image.Resampling.BICUBIC).crop((left, top, left + SIDE, top + SIDE))
        path = folder / f"pil/{number:06}.png"
        picture.save(path)
        lines.append(json.dumps({"file_name": path.name, "pixels": hashlib.sha256(picture.tobytes()).hexdigest(),
                                 "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}))
    return lines


def in_workers(task, folder: pathlib.Path, count: int) -> list:
    """task(folder, first, last) over chunks in worker processes."""
    chunks = [(first, min(first + 500, count)) for first in range(0, count, 500)]
    with concurrent.futures.ProcessPoolExecutor(WORKERS) as pool:
        return [line for part in pool.map(task, [folder] * len(chunks), *zip(*chunks)) for line in part or []]


def run_medisyn(folder: pathlib.Path) -> tuple[float, int]:
    """Seconds and peak memory in bytes."""
    config = {"root": str(folder), "size": SIDE, "repositories": [{
        "name": "made-up", "reader": "picture", "path": "raw", "specialty": "Pathology", "image_type": "Microscopy",
        "caption": "Microscopy image of tissue", "source": "crops of photographs", "licence": "none",
        "patient": {"regex": r"patient(\d+)_"}}]}
    file = folder / "curate.yaml"
    file.write_text(json.dumps(config), encoding="utf-8")
    started = time.monotonic()
    done = subprocess.run(["/usr/bin/env", sys.executable, "scripts/measured.py", MEDISYN, "curate", "--config", file, "--out",
                           folder / "out", "--threads", str(WORKERS), "--quiet"], capture_output=True, text=True, check=False)
    seconds = time.monotonic() - started
    if done.returncode != 0:
        raise SystemExit(f"medisyn curate: {done.stderr.strip()[-500:]}")
    return seconds, int(float(re.search(r"peak memory ([\d.]+) GiB", done.stderr)[1]) * 2**30)


def worst_difference(folder: pathlib.Path, count: int) -> int:
    records = [json.loads(line) for line in (folder / "out/metadata.jsonl").read_text(encoding="utf-8").splitlines()]
    worst = 0
    for record in random.Random(0).sample(records, min(500, len(records))):
        number = int(record["id"].rsplit("-", 1)[1])
        ours, theirs = (np.asarray(Image.open(path)).astype(int)
                        for path in (folder / "out" / record["file_name"], folder / f"pil/{number:06}.png"))
        worst = max(worst, int(np.abs(ours - theirs).max()))
    print(f"{len(records)} of {count} images stay; largest difference of 500 from PIL's: {worst} of 255 (at most 1 allowed)")
    return worst


def size_of(folder: pathlib.Path, pattern: str) -> float:
    return sum(path.stat().st_size for path in folder.glob(pattern)) / 1e6


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory(dir="build") as name:
        folder = pathlib.Path(name).resolve()
        (folder / "pil").mkdir()
        in_workers(make_images, folder, count)
        started = time.monotonic()
        lines = in_workers(curate_with_pil, folder, count)
        (folder / "pil/metadata.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        theirs = count / (time.monotonic() - started)
        seconds, peak = run_medisyn(folder)
        again, _ = run_medisyn(folder)
        ours = count / seconds
        print(f"PIL and hashlib, {WORKERS} processes: {theirs:.0f} images/s, {size_of(folder, 'pil/*.png'):.1f} MB of PNG")
        print(f"medisyn curate, {WORKERS} threads: {ours:.0f} images/s, {size_of(folder, 'out/images/*/*.png'):.1f} MB of PNG, "
              f"peak memory {peak / 2**30:.2f} GiB (target 2: {'met' if peak < MEMORY_TARGET else 'MISSED'})")
        print(f"medisyn / PIL: {ours / theirs:.2f} (target {TARGET}: {'met' if ours >= TARGET * theirs else 'MISSED'})")
        print(f"a second run with nothing new: {again:.1f} s")
        return 1 if worst_difference(folder, count) > 1 else 0


if __name__ == "__main__":
    sys.exit(main())
