#!/usr/bin/env python3
"""Writes tests/golden/distances.json: Frechet distances by scipy's sqrtm and kernel distances by torch-fidelity, of
features that both sides make by formula.

usage: distances.py tests/golden      (in .venv-peers)
"""
import json
import pathlib
import sys
from unittest import mock

import numpy as np
import scipy.linalg

# torch-fidelity imports torchvision at once; the kernel distance never calls it.
with mock.patch.dict(sys.modules, {name: mock.MagicMock() for name in (
        "torchvision", "torchvision.datasets", "torchvision.models", "torchvision.transforms",
        "torchvision.transforms.functional", "torchvision.transforms.v2")}):
    from torch_fidelity.metric_kid import kernel_mmd


def rows(count: int, width: int, seed: int, shift: float) -> np.ndarray:
    """[N, D] near-uniform in 0..1 with correlated columns; tests/eval/fid_test.cpp holds the same formula."""
    i, j = np.meshgrid(np.arange(count, dtype=np.int64), np.arange(width, dtype=np.int64), indexing="ij")
    value = (i * 7919 + j * 104729 + seed * 1299709) % 65521
    base = (value * value % 65521) / 65521.0
    return base + 0.5 * base[:, :1] * np.cos(j) + shift * np.sin(j)


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Heusel et al., 2017, as pytorch-fid computes it."""
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(first @ second)
    return float(np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(first) + np.trace(second) - 2 * np.trace(root.real))


def main() -> None:
    cases = []
    for n_a, n_b, width, shift in [(400, 300, 8, 0.0), (500, 500, 32, 0.2), (900, 700, 64, 1.5)]:
        a, b = rows(n_a, width, 1, 0.0), rows(n_b, width, 2, shift) * (1 + shift)
        size = min(n_a, n_b)
        kernel = kernel_mmd(a[:size], b[:size], kid_kernel="poly", kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None,
                            kid_kernel_poly_coef0=1)
        cases.append({"n_a": n_a, "n_b": n_b, "width": width, "shift": shift, "frechet": frechet(a, b),
                      "kernel_of_first": size, "kernel": float(kernel)})
    path = pathlib.Path(sys.argv[1]) / "distances.json"
    path.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
