#!/usr/bin/env python3
"""Writes tests/golden/*.npz: small files of numpy.savez, good ones and one that must be refused.

usage: npz_files.py tests/golden      (in .venv-peers)
"""
import pathlib
import sys

import numpy


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    base = numpy.arange(12, dtype=numpy.float64).reshape(3, 4)
    arrays = dict(mu=base / 8, turned=numpy.asfortranarray(base.astype(numpy.float32)), line=numpy.array([1, 2, 3]),
                  single=numpy.float64(2.5), empty=numpy.zeros((0, 3)), flags=numpy.array([True, False]))
    numpy.savez(folder / "stored.npz", **arrays)
    numpy.savez_compressed(folder / "deflated.npz", **arrays)
    numpy.savez(folder / "objects.npz", code=numpy.array([{}], dtype=object))


if __name__ == "__main__":
    main()
