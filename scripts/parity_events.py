#!/usr/bin/env python3
"""Reads TensorBoard event files of medisyn with tensorboard's own EventAccumulator.

usage: .venv-peers/bin/python scripts/parity_events.py FOLDER

FOLDER has tensorboard/ with one event file and expected.json: {"scalars": {tag: [[step, value], ...]}, "images": {tag:
[[step, width, height, name of a PNG file in FOLDER], ...]}}. Exits with 1 when tags, steps, values (as float32), sizes or
the bytes of a picture are others than expected, or an event's time is not within this hour.
"""
import json
import pathlib
import sys
import time

import numpy
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def read(folder: pathlib.Path) -> tuple[dict, list[float]]:
    """What expected.json says, as the event file says it, and the times of all events."""
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0}).Reload()
    tags = events.Tags()
    scalars = {tag: events.Scalars(tag) for tag in tags["scalars"]}
    images = {tag: events.Images(tag) for tag in tags["images"]}
    found = {"scalars": {tag: [(e.step, numpy.float32(e.value)) for e in series] for tag, series in scalars.items()},
             "images": {tag: [(e.step, e.width, e.height, e.encoded_image_string) for e in series]
                        for tag, series in images.items()}}
    return found, [e.wall_time for series in [*scalars.values(), *images.values()] for e in series]


def wanted(folder: pathlib.Path) -> dict:
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    return {"scalars": {tag: [(step, numpy.float32(value)) for step, value in series]
                        for tag, series in expected["scalars"].items()},
            "images": {tag: [(step, width, height, (folder / name).read_bytes()) for step, width, height, name in series]
                       for tag, series in expected["images"].items()}}


def main() -> int:
    folder = pathlib.Path(sys.argv[1])
    expected = wanted(folder)
    found, times = read(folder / "tensorboard")
    passed = True
    for kind in ("scalars", "images"):
        is_equal = found[kind] == expected[kind]
        count = sum(map(len, found[kind].values()))
        print(f"{kind}: {count} events of {len(found[kind])} tags: {'ok' if is_equal else 'FAILED'}")
        passed = passed and is_equal
    is_now = all(abs(time.time() - at) < 3600 for at in times)
    print(f"times: {'ok' if is_now else 'FAILED'}")
    return 0 if passed and is_now else 1


if __name__ == "__main__":
    sys.exit(main())
