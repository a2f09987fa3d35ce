#!/usr/bin/env python3
"""Writes tests/golden/msssim.json: MS-SSIM of pytorch-msssim for images that both sides make by formula.

usage: msssim.py tests/golden      (in .venv-peers)

In double precision and with a window of double precision: the variance of a flat image is nothing but rounding, and in
single precision the library strays from its own formula by 2e-4 there.
"""
import json
import pathlib
import sys

import torch
from pytorch_msssim import ms_ssim
from pytorch_msssim.ssim import _fspecial_gauss_1d, _ssim

WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
SIZES = [(161, 170, 5), (175, 181, 5), (161, 163, 3), (170, 200, 4), (165, 162, 1), (64, 64, 3), (41, 53, 3), (67, 45, 2)]
PAIRS = [("waves", "waves"), ("waves", "shifted"), ("waves", "negative"), ("waves", "noise"), ("noise", "other noise"),
         ("waves", "grey"), ("grey", "white"), ("grey", "black"), ("noise", "white")]


def image(kind: str, height: int, width: int) -> torch.Tensor:
    """[1, 3, H, W] in 0..255; tests/eval/ms_ssim_test.cpp holds the same formulas, in whole numbers."""
    c, y, x = torch.meshgrid(torch.arange(3), torch.arange(height), torch.arange(width), indexing="ij")

    def triangle(period: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        return (at % (2 * period) - period).abs() * 127 // period

    def noise(seed: int) -> torch.Tensor:
        value = (x * 7919 + y * 104729 + c * 1299709 + seed) % 65521
        return value * value % 65521 % 256

    def waves(shift: int) -> torch.Tensor:
        return triangle(23 + 4 * c, 3 * x + 2 * y + shift) + triangle(31 - 5 * c, 5 * y - x + 4 * width)

    pixels = {
        "waves": lambda: waves(0),
        "shifted": lambda: waves(6),
        "negative": lambda: 255 - waves(0),
        "noise": lambda: noise(1),
        "other noise": lambda: noise(17),
        "grey": lambda: torch.full_like(x, 128),
        "white": lambda: torch.full_like(x, 255),
        "black": lambda: torch.zeros_like(x),
    }[kind]()
    return pixels.double()[None]


def exact_window() -> torch.Tensor:
    """The library's Gaussian before it is rounded to single precision."""
    taps = torch.exp(-(torch.arange(11, dtype=torch.float64) - 5) ** 2 / (2 * 1.5 ** 2))
    window = taps / taps.sum()
    assert torch.allclose(window.float(), _fspecial_gauss_1d(11, 1.5).flatten(), rtol=1e-6)
    return window.reshape(1, 1, 11)


def of_small(first: torch.Tensor, second: torch.Tensor, weights: list[float], taps: torch.Tensor) -> float:
    """ms_ssim of the library, whose check asks for 161 pixels whatever the number of scales, without that check."""
    window = taps.repeat([3, 1, 1, 1]).to(first.dtype)
    product = torch.ones(1, 3, dtype=first.dtype)
    for scale, weight in enumerate(weights):
        similarity, contrast = _ssim(first, second, win=window, data_range=255, size_average=False)
        if scale + 1 < len(weights):
            product = product * torch.relu(contrast) ** weight
            padding = [side % 2 for side in first.shape[2:]]
            first = torch.nn.functional.avg_pool2d(first, kernel_size=2, padding=padding)
            second = torch.nn.functional.avg_pool2d(second, kernel_size=2, padding=padding)
        else:
            product = product * torch.relu(similarity) ** weight
    return product.mean().item()


def main() -> None:
    cases = []
    for height, width, scales in SIZES:
        weights = WEIGHTS if scales == 5 else [w / sum(WEIGHTS[:scales]) for w in WEIGHTS[:scales]]
        for a, b in PAIRS:
            first, second = image(a, height, width), image(b, height, width)
            value = of_small(first, second, weights, exact_window())
            if min(height, width) >= 161:
                rounded = of_small(first, second, weights, _fspecial_gauss_1d(11, 1.5))
                assert abs(rounded - ms_ssim(first, second, data_range=255, weights=weights).item()) < 1e-7
            cases.append({"a": a, "b": b, "height": height, "width": width, "scales": scales, "ms_ssim": value})
    path = pathlib.Path(sys.argv[1]) / "msssim.json"
    path.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
