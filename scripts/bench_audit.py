#!/usr/bin/env python3
"""Splits and audits a made-up manifest of the paper's size.

usage: scripts/bench_audit.sh [ROWS [PICTURES]]

30 repositories, ten image types, one in 23 captions a report with words of its own; one file of 500 rejected, one image
of 50 with duplicates. PICTURES: a data set whose images stand in for the rows' own (without it the page has none).
Prints seconds and memory, then counts the manifest again with Python's json and csv and compares every table; exits with
1 when one differs, or when split and audit together take a minute or more.
"""
import collections
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

RUNNER = "build/release/tests/curate/audit_run"
MERGES = "quickstart/data/clip/bpe_simple_vocab_16e6.txt.gz"
ROWS = 1_260_826  # of the paper
SIDES = ("train", "validation", "test")
MOST_SECONDS = 60


def run(*command: object) -> dict:
    done = subprocess.run([RUNNER, *map(str, command)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{RUNNER}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


class Recount:
    """The same counts in the plainest way."""

    def __init__(self, manifest: pathlib.Path):
        self.tables = {name: collections.defaultdict(collections.Counter)
                       for name in ("image_type", "specialty", "repository", "class")}
        self.ids = {key: collections.defaultdict(set) for key in ("patient_id", "study_id", "video_id", "group_id")}
        self.captions = collections.Counter()
        self.total = collections.Counter()
        for line in manifest.open(encoding="utf-8"):
            self.add(json.loads(line))

    def add(self, record: dict) -> None:
        side = record["split"]
        self.total[side] += 1
        self.captions[record["text"]] += 1
        for name in ("image_type", "specialty", "repository"):
            self.tables[name][record[name],][side] += 1
        for label in set(record["labels"]) or {""}:
            self.tables["class"][record["repository"], label][side] += 1
        for key, ids in self.ids.items():
            if record[key]:
                ids[record["repository"]].add(record[key])

    @staticmethod
    def cells(counts: collections.Counter) -> list[str]:
        return [str(counts[side]) for side in SIDES] + [str(counts.total())]

    def faults(self, folder: pathlib.Path) -> list[str]:
        faults = []
        for name, table in self.tables.items():
            with (folder / f"counts_by_{name}.csv").open(encoding="utf-8", newline="") as file:
                rows = list(csv.reader(file))[1:]
            width = 2 if name == "class" else 1
            found = {tuple(row[:width]): row[width:width + 4] for row in rows[:-1]}
            if found != {key: self.cells(counts) for key, counts in table.items()} or rows[-1][width:width + 4] != self.cells(self.total):
                faults.append(f"counts_by_{name}.csv")
            if name == "repository":
                faults += [f"ids of {row[0]}" for row in rows[:-1]
                           if row[5:9] != [str(len(ids[row[0]])) for ids in self.ids.values()]]
        with (folder / "long_captions.csv").open(encoding="utf-8", newline="") as file:
            faults += [f"images of {row['caption']!r}" for row in csv.DictReader(file)
                       if self.captions[row["caption"]] != int(row["images"])]
        return faults


def main() -> int:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work)
        made = run("make", folder, rows, *sys.argv[2:3])
        audit = run("audit", folder, MERGES)
        recount = Recount(folder / "metadata.jsonl")
        faults = recount.faults(folder)
        if len(recount.captions) != audit["captions"]:
            faults.append("the number of captions")
    audited = audit["count_seconds"] + audit["tables_seconds"] + audit["page_seconds"]
    whole = made["split_seconds"] + audited
    print(f"{rows:,} rows, {audit['captions']:,} captions, {audit['long_captions']:,} of them too long")
    print(f"split {made['split_seconds']:.2f} s; audit {audited:.2f} s (counts and captions {audit['count_seconds']:.2f}, "
          f"tables {audit['tables_seconds']:.2f}, page and datasheet {audit['page_seconds']:.2f}); together {whole:.2f} s")
    print(f"the audit takes {audit['audit_bytes'] / 2**20:.0f} MiB above the manifest; page {audit['page_bytes'] / 1e6:.1f} MB; "
          f"reading the manifest {audit['read_seconds']:.1f} s, {audit['read_peak_bytes'] / 2**30:.2f} GiB at most")
    if whole >= MOST_SECONDS:
        faults.append(f"{whole:.1f} s, expected less than {MOST_SECONDS}")
    print("every count is the one that Python finds" if not faults else "FAILED: " + "; ".join(faults[:10]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
