"""Golden pictures of PIL's antialiased bicubic resize: python scripts/golden/resize.py tests/golden

Each file resize_<H>x<W>_<h>x<w>.png is PIL's result for the test pattern of that size; tests/io/resize_test.cpp makes
the same pattern.
"""

import sys
from pathlib import Path

import numpy
from PIL import Image

CASES = [(37, 53, 16, 20), (9, 7, 32, 33), (64, 40, 64, 17), (130, 128, 64, 64), (5, 90, 31, 3)]


def pattern(height, width):
    y, x, c = numpy.mgrid[0:height, 0:width, 0:3]
    return ((x * 7 + y * 13 + c * 29 + (x * y) % 11 * 19 + (x // 5 + y // 3) % 2 * 90) % 256).astype(numpy.uint8)


def main(folder):
    for height, width, new_height, new_width in CASES:
        image = Image.fromarray(pattern(height, width)).resize((new_width, new_height), Image.Resampling.BICUBIC)
        image.save(folder / f"resize_{height}x{width}_{new_height}x{new_width}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
