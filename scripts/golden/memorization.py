#!/usr/bin/env python3
"""Writes tests/golden/memorization.json: Wilcoxon's signed-rank test and Clopper-Pearson bounds by scipy, and the patch
distance's definition in NumPy, of values that both sides make by formula.

usage: memorization.py tests/golden      (in .venv-peers)
"""
import json
import math
import pathlib
import sys

import numpy as np
from scipy import special, stats

PRIME = 65521


def differences(n: int, step: int, shift: int, seed: int) -> np.ndarray:
    """Multiples of 1/1024 without rounding: with step 1 and an odd shift no two are equal in size, with a larger step
    there are ties, and zeros where 4 divides the shift; tests/stats/wilcoxon_test.cpp holds the same formula."""
    value = (np.arange(n, dtype=np.int64) * 7919 + seed * 104729) % PRIME
    return (4 * (value // step) + shift) / 1024.0


def signed_rank(n: int, step: int, shift: int, seed: int) -> dict:
    d = differences(n, step, shift, seed)
    case = {"n": n, "step": step, "shift": shift, "seed": seed}
    has_ties = len(np.unique(np.abs(d[d != 0]))) < np.count_nonzero(d) or np.any(d == 0)
    is_normal = n > 50 or (has_ties and n > 13)
    for alternative, sign in ("greater", -1), ("less", 1):
        test = stats.wilcoxon(d, alternative=alternative)
        log10_p = math.log10(test.pvalue) if not is_normal else float(special.log_ndtr(
            sign * stats.wilcoxon(d, alternative=alternative, method="asymptotic").zstatistic)) / math.log(10)
        case |= {"statistic": test.statistic, alternative: test.pvalue, "log10_" + alternative: log10_p}
    return case


def signed_ranks() -> list[dict]:
    cases = []
    for n in (5, 6, 8, 12, 13, 14, 20, 33, 49, 50, 51, 70, 150, 1000, 2500, 10000):
        for fraction in (0, 0.02, 0.25, 0.5, 0.9):
            below = int(fraction * PRIME)
            cases.append(signed_rank(n, 1, 1 - 4 * below, n + 1))
            for step in (997, 6553):
                cases.append(signed_rank(n, step, 2 - 4 * (below // step), n + 2))  # ties
                cases.append(signed_rank(n, step, -4 * (below // step), n + 3))  # ties and zeros
    return [case for case in cases if not math.isnan(case["greater"])]


def upper_bounds() -> list[dict]:
    return [{"hits": hits, "trials": trials,
             "upper": stats.binomtest(hits, trials, alternative="less").proportion_ci(0.95, method="exact").high}
            for hits, trials in [(0, 1), (1, 1), (0, 2), (1, 2), (0, 10), (3, 10), (9, 10), (0, 1000), (1, 1000), (28, 1000),
                                 (996, 2000), (1999, 2000), (0, 10000), (173, 10000), (9000, 10000), (1, 1000000)]]


def image(height: int, width: int, seed: int, contrast: int) -> np.ndarray:
    """[H, W, 3] in 0..255; tests/eval/patch_distance_test.cpp holds the same formula."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    value = (x * 7919 + y * 104729 + c * 1299709 + seed) % PRIME
    return (value * value % PRIME % 256 * contrast // 256 + x * (256 - contrast) // width).astype(np.uint8)


def patch_distance(a: np.ndarray, b: np.ndarray) -> float:
    height, width, _ = a.shape
    square = (a / 255.0 - b / 255.0) ** 2
    return max(float(np.sqrt(square[i * height // 4:(i + 1) * height // 4, j * width // 4:(j + 1) * width // 4].mean()))
               for i in range(4) for j in range(4))


def patch_distances() -> list[dict]:
    cases = []
    for height, width in [(4, 4), (16, 16), (17, 23), (64, 64), (130, 121)]:
        for contrast_a, contrast_b in [(256, 256), (256, 0), (40, 50), (8, 8), (0, 0)]:
            a, b = image(height, width, 1, contrast_a), image(height, width, 77, contrast_b)
            cases.append({"height": height, "width": width, "contrast_a": contrast_a, "contrast_b": contrast_b,
                          "distance": patch_distance(a, b)})
    return cases


def main() -> None:
    parts = {"signed_rank": signed_ranks(), "upper_bounds": upper_bounds(), "patch_distances": patch_distances()}
    text = ",\n".join(f'"{name}": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]"
                      for name, cases in parts.items())
    (pathlib.Path(sys.argv[1]) / "memorization.json").write_text("{\n" + text + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
