#!/usr/bin/env python3
"""Times the exact search for all pairs of embeddings above a cosine, and checks it against a plain product in torch.

usage: scripts/bench_neighbours.sh      (in .venv-peers: scripts/bench_neighbours.py)

100,000 random embeddings of 512 values, 1,000 of them copies with noise: the rate of the search, N * N * D operations for the
triangle above the diagonal, beside the better of torch.mm and numpy's matmul at the shape of its blocks and at 4,096 x 4,096,
in turns on all threads; the best call and the best of three rounds. The pairs must be those of a plain product of blocks in
torch; scores within 1e-6 of the threshold, which fp32 cannot decide, are counted apart. Then 1,000,000 embeddings in memory:
the search runs for a minute, and the whole time is extrapolated. Exits with 1 when pairs differ, the search is slower than
half of the product's rate, or memory reaches 4 GiB.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy
import torch
from safetensors.torch import load_file, save_file

RUNNER = "build/release/tests/features/similar_pairs_run"
ROWS, WIDTH, TILE, LARGE, COPIES, ROUNDS = 100_000, 512, 1024, 4096, 1000, 3
MIN_COSINE, UNDECIDED = 0.2, 1e-6
MANY, SECONDS = 1_000_000, 60
LEAST_RATIO, MOST_BYTES = 0.5, 4 * 2**30


def run(*arguments: object) -> dict:
    done = subprocess.run([RUNNER, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"FAILED: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout)


def product_rates(seconds: float = 1.0) -> dict:
    """Operations a second of the best call of torch.mm and numpy's matmul: [side, WIDTH] times [WIDTH, side]."""
    rates = {}
    for side in (TILE, LARGE):
        a, b, out = torch.randn(side, WIDTH), torch.randn(side, WIDTH), torch.empty(side, side)
        a_array, b_array, out_array = (tensor.numpy() for tensor in (a, b, out))
        calls = {"torch.mm": lambda: torch.mm(a, b.T, out=out),
                 "numpy": lambda: numpy.matmul(a_array, b_array.T, out=out_array)}
        for name, call in calls.items():
            best, end = float("inf"), time.perf_counter() + seconds
            while (start := time.perf_counter()) < end:
                call()
                best = min(best, time.perf_counter() - start)
            rates[f"{name} {side}"] = 2 * side * side * WIDTH / best
    return rates


def make_rows() -> torch.Tensor:
    torch.manual_seed(0)
    rows = torch.randn(ROWS, WIDTH)
    to, of = torch.randperm(ROWS)[:2 * COPIES].view(2, COPIES)
    rows[to] = rows[of] + 0.3 * torch.randn(COPIES, WIDTH)
    return rows


def plain_pairs(rows: torch.Tensor) -> dict:
    """{number of a pair (i * ROWS + j, i < j): score}: every block of 1,000 rows times all rows from it on."""
    unit = torch.nn.functional.normalize(rows, dim=1)
    found = {}
    for first in range(0, len(rows), 1000):
        scores = unit[first:first + 1000] @ unit[first:].T
        i, j = (scores >= MIN_COSINE - UNDECIDED).nonzero(as_tuple=True)
        i, j, values = i[i < j] + first, j[i < j] + first, scores[i, j][i < j]
        found.update(zip((i * ROWS + j).tolist(), values.tolist()))
    return found


def compare(pairs: dict, expected: dict) -> tuple[int, int, float]:
    """Pairs that one side alone has, pairs that fp32 cannot decide, largest difference of a cosine."""
    undecided = {pair for pair, score in expected.items() if abs(score - MIN_COSINE) <= UNDECIDED}
    wrong = (pairs.keys() ^ expected.keys()) - undecided
    return len(wrong), len(undecided), max(abs(pairs[pair] - expected[pair]) for pair in pairs.keys() & expected.keys())


def main() -> int:
    rows = make_rows()
    rates, runs = [], []
    with tempfile.TemporaryDirectory() as work:
        file, out = pathlib.Path(work) / "rows.safetensors", pathlib.Path(work) / "pairs.safetensors"
        save_file({"rows": rows}, file)
        for _ in range(ROUNDS):
            rates.append(product_rates())
            runs.append(run(file, MIN_COSINE, out))
        result = load_file(out)
    numbers = (result["pairs"][:, 0] * ROWS + result["pairs"][:, 1]).tolist()
    wrong, undecided, difference = compare(dict(zip(numbers, result["cosines"].tolist())), plain_pairs(rows))
    many = run(MANY, WIDTH, MIN_COSINE, SECONDS)

    products = {name: max(round_[name] for round_ in rates) for name in rates[0]}
    seconds = min(r["seconds"] for r in runs)
    rate = ROWS * ROWS * WIDTH / seconds
    ratio = rate / max(products.values())
    many_rate = many["share"] * MANY * MANY * WIDTH / many["seconds"]
    print(f"{torch.get_num_threads()} threads; best of {ROUNDS} rounds")
    for name, product in products.items():
        side = name.split()[-1]
        print(f"{name.split()[0]:9} [{side}, {WIDTH}] x [{WIDTH}, {side}]: {product / 1e9:6.1f} GFLOP/s")
    print(f"search of {ROWS} x {WIDTH}: {seconds:.1f} s, {rate / 1e9:.1f} GFLOP/s, {ratio:.2f} of the best product (rounds of "
          f"{', '.join(format(r['seconds'], '.1f') for r in runs)} s)")
    print(f"{len(numbers)} pairs of cosine {MIN_COSINE} and above; {wrong} differ from the plain product's, {undecided} more are "
          f"within {UNDECIDED:g} of the threshold; cosines differ by at most {difference:.1e}")
    print(f"search of {MANY} x {WIDTH}: {100 * many['share']:.2f} % in {many['seconds']:.0f} s, {many_rate / 1e9:.1f} GFLOP/s, so "
          f"the whole takes {MANY * MANY * WIDTH / many_rate / 60:.0f} minutes; peak memory {many['peak_bytes'] / 2**30:.2f} GiB, "
          f"{MANY * WIDTH * 4 / 2**30:.2f} of them rows")
    faults = [text for is_fault, text in (
        (wrong > 0, "pairs differ from the plain product's"),
        (ratio < LEAST_RATIO, f"{ratio:.2f} of the product's rate is less than {LEAST_RATIO}"),
        (max(r["peak_bytes"] for r in [*runs, many]) >= MOST_BYTES, "memory reached 4 GiB")) if is_fault]
    print("FAILED: " + "; ".join(faults) if faults else "all as required")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
