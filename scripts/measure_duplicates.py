#!/usr/bin/env python3
"""Measures what the search for duplicates finds among planted copies of real pictures, and how long it takes among many.

usage: scripts/measure_duplicates.sh      (or, after a build, scripts/measure_duplicates.py [DATA])

One picture of each of 220 subjects of quickstart/data (199 skin lesions, CT, MRI, ultrasound, X-ray, fundus, microscopy),
each copied in nine ways and then fitted to 512 pixels as `medisyn curate` does. Pairs of images in one cluster are right
when they show one subject. Then 1,260,000 hashes, random ones and crowded ones, with 1 % planted neighbours. Exits with 1
when precision is below 0.99, recall below 1 for byte copies or below 0.95 for re-encoded and resized ones, by the hash
alone, or when a search takes a minute.
"""
import json
import pathlib
import subprocess
import sys

RUNNER = "build/release/tests/curate/duplicates_run"
REQUIRED = {"byte copy": 1.0, "JPEG 75": 0.95, "JPEG 50": 0.95, "half size": 0.95, "double size": 0.95}
PRECISION, COUNT, SECONDS = 0.99, 1_260_000, 60.0


def run(*arguments: object) -> dict:
    done = subprocess.run([RUNNER, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"FAILED: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout)


def main() -> int:
    data = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "quickstart/data")
    planted = run("planted", data, data / "efficientnet_lite0/model.safetensors")
    by_hash, by_both = planted["hash"], planted["hash_and_embedding"]
    print(f"{planted['images']} images of {planted['subjects']} subjects; at most {planted['max_distance']} bits, correlation "
          f"{planted['min_correlation']}; embedding: cosine {planted['min_cosine']}")
    print(f"{'recall':20} {'hash':>8} {'+ embedding':>12} {'required':>9}")
    faults = []
    for kind in by_hash["recall"]:
        least = REQUIRED.get(kind)
        print(f"{kind:20} {by_hash['recall'][kind]:8.3f} {by_both['recall'][kind]:12.3f} {least if least else '':>9}")
        if least and min(by_hash["recall"][kind], by_both["recall"][kind]) < least:
            faults.append(f"recall of {kind}")
    print(f"{'precision':20} {by_hash['precision']:8.4f} {by_both['precision']:12.4f} {PRECISION:>9}")
    print(f"{'wrong pairs':20} {by_hash['wrong_pairs']:8} {by_both['wrong_pairs']:12}")
    print(f"{'right pairs':20} {by_hash['right_pairs']:8} {by_both['right_pairs']:12}")
    if min(by_hash["precision"], by_both["precision"]) < PRECISION:
        faults.append("precision")
    for kind in ("many", "crowded"):
        many = run(kind, COUNT)
        print(f"{many['hashes']} hashes, {kind}: {many['seconds']:.1f} s, {many['bytes'] / 1e6:.0f} MB; {many['planted']} neighbours planted, "
              f"{many['near_duplicates']} near-duplicates found, {many['unchecked']} comparisons given up")
        if many["seconds"] >= SECONDS:
            faults.append(f"{kind} hashes took a minute")
    print("FAILED: " + "; ".join(faults) if faults else "all as required")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
