#!/usr/bin/env python3
"""CLIP's tokenizer on the captions of the quickstart, one core: medisyn beside transformers.

usage: scripts/bench_tokenizers.sh        (in .venv-peers: scripts/bench_tokenizers.py MANIFEST)

Both get 400,000 captions, drawn from the manifest with one number changed in each so that no text comes twice. medisyn
is timed as a user runs it (`medisyn model tokenize`, reading and printing included), less its start-up; transformers in
process. Prints captions a second and the ratio, and exits with 1 when any ids differ.
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
from transformers import CLIPTokenizer  # noqa: E402

MEDISYN, MERGES = "build/release/medisyn", "quickstart/data/clip/bpe_simple_vocab_16e6.txt.gz"
COUNT = 400_000


def timed(folder: pathlib.Path, texts: pathlib.Path, output: pathlib.Path) -> float:
    command = ["taskset", "-c", "0", MEDISYN, "model", "tokenize", "--model", folder, "--text-file", texts, "--threads", "1"]
    started = time.perf_counter()
    with output.open("w") as stream:
        subprocess.run(command, stdout=stream, check=True)
    return time.perf_counter() - started


def main() -> int:
    captions = sorted({json.loads(line)["text"] for line in open(sys.argv[1], encoding="utf-8")})
    draw = random.Random(1)
    texts = [f"{draw.choice(captions)}, {i} mm" for i in range(COUNT)]
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work)
        subprocess.run([MEDISYN, "model", "init", "--config", "models/sd14.yaml", "--tokenizer", MERGES, "--quiet", "--out",
                        folder / "model", *(w for s in ("unet.block_out_channels=[32, 32, 32, 32]", "vae.block_out_channels=[32, 32, 32, 32]",
                                                        "text_encoder.num_hidden_layers=1") for w in ("--set", s))], check=True)
        (folder / "texts.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
        (folder / "none.txt").write_text("", encoding="utf-8")
        idle = min(timed(folder / "model", folder / "none.txt", folder / "none.out") for _ in range(3))
        ours = timed(folder / "model", folder / "texts.txt", folder / "ids.out") - idle
        ids = [json.loads(line) for line in (folder / "ids.out").read_text().splitlines()]
        tokenizer = CLIPTokenizer.from_pretrained(folder / "model" / "tokenizer")
        os.sched_setaffinity(0, {0})
        started = time.perf_counter()
        expected = tokenizer(texts, truncation=True, max_length=77)["input_ids"]
        theirs = time.perf_counter() - started
    print(f"transformers {COUNT / theirs:10,.0f} captions a second")
    print(f"medisyn      {COUNT / ours:10,.0f} captions a second, {theirs / ours:.1f} times as many (start-up {idle:.2f} s)")
    print("all ids are the same" if ids == expected else "FAILED: ids differ")
    return 0 if ids == expected else 1


if __name__ == "__main__":
    sys.exit(main())
