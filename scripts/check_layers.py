#!/usr/bin/env python3
"""Checks the layer table: arrows go down only, and only as the table says.

usage: check_layers.py REPOSITORY
"""
import pathlib
import re
import sys

# layer -> the layers whose headers it may include beside its own (README.md shows the same table)
LEVEL_0_TO_3 = "core io stats nn diffusion dist report text models data features pipeline"
MAY_INCLUDE = {
    "core": "",
    "io": "core",
    "stats": "core",
    "nn": "core",
    "diffusion": "core",
    "dist": "core",
    "report": "core io",
    "text": "core io",
    "models": "core io nn",
    "data": "core io text",
    "features": "core io nn models dist",
    "pipeline": "core io text models diffusion",
    "curate": "core io text data features report stats dist",
    "train": LEVEL_0_TO_3,
    "eval": LEVEL_0_TO_3 + " train",
    "cli": LEVEL_0_TO_3 + " curate train eval",
}
WITHOUT_TORCH = {"core", "stats", "report"}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def faults_of(path: pathlib.Path, layer: str) -> list[str]:
    faults = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        header = match.group(1)
        if header.startswith("medisyn/"):
            used = header.split("/")[1]
            if used != layer and used not in MAY_INCLUDE[layer].split():
                faults.append(f"{path}:{number}: {layer} must not include {header}")
        if layer in WITHOUT_TORCH and re.match(r"(torch|ATen|c10)/", header):
            faults.append(f"{path}:{number}: {layer} must not include torch ({header})")
    return faults


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    faults, files = [], 0
    for top in (root / "include" / "medisyn", root / "src"):
        for path in sorted(top.glob("*/**/*")):
            if path.suffix not in {".h", ".cpp", ".cu"}:
                continue
            layer = path.relative_to(top).parts[0]
            files += 1
            if layer not in MAY_INCLUDE:
                faults.append(f"{path}: {layer} is not a layer of the table")
            else:
                faults += faults_of(path, layer)
    print("\n".join(faults) if faults else f"{files} files keep to the layer table")
    return 1 if faults or files == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
