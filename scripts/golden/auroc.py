#!/usr/bin/env python3
"""Writes tests/golden/auroc.json: areas under the ROC curve by scikit-learn, and DeLong's variances and tests by their
definition in NumPy, of scores that both sides make by formula.

usage: auroc.py tests/golden      (in .venv-peers)
"""
import json
import pathlib
import sys

import numpy as np
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

PRIME = 65521


def sample(n: int, step: int, limit: int, lift: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores with ties, labels, weights from 0 on; tests/stats/golden_scores.h holds the same formula."""
    i = np.arange(n, dtype=np.int64)
    value = (i * 7919 + seed * 104729) % PRIME
    positives = (i * i * 31 + i * 17 + seed * 1299709) % PRIME < limit
    return (value * value % PRIME // step + lift * positives) / 1024.0, positives, (value % 5) / 4.0


def delong(first: np.ndarray, second: np.ndarray, positives: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """AUROCs of two scores and their covariances: DeLong, DeLong & Clarke-Pearson, 1988, equations 3 to 6."""
    of_positives, of_negatives = [], []
    for scores in first, second:
        above, below = scores[positives][:, None], scores[~positives][None, :]
        wins = (above > below) + 0.5 * (above == below)
        of_positives.append(wins.mean(1))
        of_negatives.append(wins.mean(0))
    return (np.array([part.mean() for part in of_positives]),
            np.cov(of_positives) / positives.sum() + np.cov(of_negatives) / (~positives).sum())


def aurocs() -> list[dict]:
    cases = []
    for n, step, limit, lift in [(2, 1, 30000, 0), (7, 9000, 30000, 0), (40, 1, 9000, 5000), (40, 9000, 9000, 3),
                                 (500, 700, 1500, 20), (500, 65521, 30000, 0), (3000, 3, 32000, 20000)]:
        for seed in range(1, 5):
            scores, positives, weights = sample(n, step, limit, lift, seed)
            if 0 < positives.sum() < n and weights[positives].sum() > 0 and weights[~positives].sum() > 0:
                cases.append({"n": n, "step": step, "limit": limit, "lift": lift, "seed": seed,
                              "auroc": roc_auc_score(positives, scores),
                              "weighted": roc_auc_score(positives, scores, sample_weight=weights)})
    return cases


def comparisons() -> list[dict]:
    cases = []
    for n, step, limit, lift in [(20, 9000, 30000, 3), (60, 1, 20000, 9000), (300, 700, 3000, 20), (2000, 40, 32000, 300)]:
        for seed in range(1, 5):
            first, positives, _ = sample(n, step, limit, lift, seed)
            second = first + sample(n, step, limit, lift, seed + 10)[0]
            if min(positives.sum(), n - positives.sum()) < 2:
                continue
            areas, covariances = delong(first, second, positives)
            variance = covariances[0, 0] + covariances[1, 1] - 2 * covariances[0, 1]
            z = (areas[1] - areas[0]) / variance ** 0.5
            reach = norm.ppf(0.975) * covariances[0, 0] ** 0.5
            cases.append({"n": n, "step": step, "limit": limit, "lift": lift, "seed": seed, "auroc": areas[0],
                          "second": areas[1], "variance": covariances[0, 0], "low": max(areas[0] - reach, 0),
                          "high": min(areas[0] + reach, 1), "variance_of_difference": variance, "z": z,
                          "p": 2 * norm.sf(abs(z))})
    return cases


def main() -> None:
    parts = {"aurocs": aurocs(), "comparisons": comparisons()}
    text = ",\n".join(f'"{name}": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]"
                      for name, cases in parts.items())
    (pathlib.Path(sys.argv[1]) / "auroc.json").write_text("{\n" + text + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
