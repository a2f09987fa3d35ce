#!/usr/bin/env python3
"""Decoded pictures, resizing and JPEG writing, medisyn beside PIL; then how long each takes.

usage: .venv-peers/bin/python scripts/parity_pixels.py [--times]

PIL (and this script, where PIL cannot) writes a file of every kind into a temporary folder; medisyn (the test program
pixels_run) decodes it. The reference is ImageOps.exif_transpose, then convert("RGB"); with alpha convert("RGBA") over
black; 16 bit is value / 257 rounded, out of the values that were written, because PIL cuts 16-bit colour. Prints one line
a file with the largest difference and exits with 1 when one is above its bound: 0 for lossless formats, 1 of 255 for
16 bit, alpha and CMYK, 2 of 255 for JPEG. Resizing must be equal. --times adds milliseconds on one thread.
"""
import hashlib
import io
import pathlib
import struct
import subprocess
import sys
import tempfile
import time
import zlib

import numpy as np
from PIL import Image, ImageOps

RUNNER = "build/release/tests/io/pixels_run"
HEIGHT, WIDTH = 117, 203
ORIENTATION = 274


def photograph(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Waves of colour with some noise: [H, W, 3], 0 to 1."""
    y, x = np.mgrid[:height, :width] / 20.0
    waves = np.stack([np.sin(x + y / 3), np.cos(x / 2 - y), np.sin(x * y / 9)], axis=-1) * 0.4 + 0.5
    return np.clip(waves + np.random.default_rng(1).normal(0, 0.05, waves.shape), 0, 1)


RGB16 = np.round(photograph() * 65535).astype(np.uint16)
RGB = Image.fromarray(np.round(photograph() * 255).astype(np.uint8))
ALPHA = Image.fromarray(np.round(photograph()[::-1, :, 0] * 255).astype(np.uint8))


def over_black(rgba: np.ndarray, top: int) -> np.ndarray:
    return rgba[..., :3] * (rgba[..., 3:] / float(top))


def to_8_bit(values: np.ndarray) -> np.ndarray:
    """16 bit, [H, W] or [H, W, 1 to 4], last channel alpha where there are 2 or 4."""
    values = values.astype(float).reshape(*values.shape[:2], -1)
    if values.shape[2] in (2, 4):
        values = values[..., :-1] * values[..., -1:] / 65535.0
    values = np.floor(values / 257.0 + 0.5)
    return np.broadcast_to(values, (*values.shape[:2], 3)) if values.shape[2] == 1 else values


def by_pil(path: pathlib.Path) -> np.ndarray:
    with Image.open(path) as opened:
        picture = ImageOps.exif_transpose(opened)
        if picture.mode.startswith("I"):
            return to_8_bit(np.asarray(picture))
        if picture.has_transparency_data:
            return np.floor(over_black(np.asarray(picture.convert("RGBA")).astype(float), 255) + 0.5)
        return np.asarray(picture.convert("RGB")).astype(float)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(pixels: np.ndarray, colour_type: int, extra: bytes = b"", interlaced: bool = False) -> bytes:
    """PNG without row filters, 8 or 16 bit by the array's type: [H, W, channels]."""
    height, width = pixels.shape[:2]
    adam7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = b""
    for top, left, down, right in adam7 if interlaced else [(0, 0, 1, 1)]:
        part = pixels[top::down, left::right]
        if part.size:
            rows += b"".join(b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() for row in part)
    header = struct.pack(">IIBBBBB", width, height, pixels.dtype.itemsize * 8, colour_type, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) +
            chunk(b"IEND", b""))


def tiff(pixels: np.ndarray, order: str = "<", planar: bool = False, alpha: int | None = None, predictor: bool = False,
         white_is_zero: bool = False, strip_rows: int = 50) -> bytes:
    """Strips, deflated where a predictor is asked for, else plain; 8 or 16 bit by the array's type."""
    height, width = pixels.shape[:2]
    planes = pixels.reshape(height, width, -1)
    channels = planes.shape[2]
    parts = [planes[..., c:c + 1] for c in range(channels)] if planar else [planes]
    strips = []
    for part in parts:
        for top in range(0, height, strip_rows):
            strip = part[top:top + strip_rows].astype(part.dtype.newbyteorder(order))
            if predictor:
                strip = np.concatenate([strip[:, :1], strip[:, 1:] - strip[:, :-1]], axis=1).astype(strip.dtype)
            strips.append(zlib.compress(strip.tobytes()) if predictor else strip.tobytes())
    data, offsets = b"", []
    for strip in strips:
        offsets.append(8 + len(data))
        data += strip + b"\0" * (len(strip) % 2)
    photometric = 2 if channels >= 3 else 0 if white_is_zero else 1
    tags = [(256, 4, [width]), (257, 4, [height]), (258, 3, [pixels.dtype.itemsize * 8] * channels),
            (259, 3, [8 if predictor else 1]), (262, 3, [photometric]), (273, 4, offsets), (277, 3, [channels]),
            (278, 4, [strip_rows]), (279, 4, [len(strip) for strip in strips]), (284, 3, [2 if planar else 1])]
    tags += [(317, 3, [2])] if predictor else []
    tags += [(338, 3, [alpha])] if alpha is not None else []
    apart_at = 8 + len(data) + 2 + 12 * len(tags) + 4
    entries, apart = b"", b""
    for tag, kind, values in tags:
        packed = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        where = packed.ljust(4, b"\0") if len(packed) <= 4 else struct.pack(f"{order}I", apart_at + len(apart))
        apart += packed + b"\0" * (len(packed) % 2) if len(packed) > 4 else b""
        entries += struct.pack(f"{order}HHI", tag, kind, len(values)) + where
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(data))
    return head + data + struct.pack(f"{order}H", len(tags)) + entries + struct.pack(f"{order}I", 0) + apart


def with_orientation(turn: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    return exif


def turned(picture: Image.Image, turn: int) -> Image.Image:
    picture.getexif()[ORIENTATION] = turn
    return picture


class Files:
    """What is compared: name -> (reference or nothing for PIL's, bound)."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.cases: dict[str, tuple[np.ndarray | None, int]] = {}

    def save(self, name: str, picture: Image.Image, bound: int = 0, **options) -> None:
        picture.save(self.folder / name, **options)
        self.cases[name] = (None, bound)

    def write(self, name: str, data: bytes, reference: np.ndarray | None, bound: int) -> None:
        (self.folder / name).write_bytes(data)
        self.cases[name] = (reference, bound)


def add_jpegs(files: Files) -> None:
    for name, sampling in (("444", 0), ("422", 1), ("420", 2)):
        files.save(f"{name}.jpg", RGB, 2, quality=90, subsampling=sampling)
        files.save(f"{name}_progressive.jpg", RGB, 2, quality=75, subsampling=sampling, progressive=True)
    files.save("grey.jpg", RGB.convert("L"), 2, quality=90)
    files.save("grey_progressive.jpg", RGB.convert("L"), 2, progressive=True)
    files.save("quality_10.jpg", RGB, 2, quality=10)
    files.save("optimized_restarts.jpg", RGB, 2, quality=90, optimize=True, restart_marker_rows=1)
    files.save("as_rgb.jpg", RGB, 2, quality=90, keep_rgb=True)
    files.save("cmyk.jpg", RGB.convert("CMYK"), 2, quality=90)
    files.save("one_pixel.jpg", RGB.resize((1, 1)), 2)
    files.save("two_pictures.jpg", RGB, 2, format="MPO", save_all=True, append_images=[RGB.resize((20, 30))])
    for turn in range(1, 9):
        files.save(f"turned_{turn}.jpg", RGB, 2, quality=90, exif=with_orientation(turn))
    files.save("turned_9.jpg", RGB, 2, quality=90, exif=with_orientation(9))
    little = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    files.save("turned_little_endian.jpg", RGB, 2, exif=little)


def add_pngs(files: Files) -> None:
    palette = RGB.quantize(200)
    some_transparent = bytes(range(0, 200))
    files.save("rgb.png", RGB)
    files.save("grey.png", RGB.convert("L"))
    files.save("bits_1.png", RGB.convert("1"))
    files.save("palette.png", palette)
    for bits in (1, 2, 4):
        files.save(f"palette_{bits}_bits.png", RGB.quantize(2**bits), bits=bits)
    files.save("palette_transparent.png", palette, 1, transparency=some_transparent)
    files.save("palette_one_transparent.png", palette, 1, transparency=7)
    rgba = RGB.copy()
    rgba.putalpha(ALPHA)
    files.save("rgba.png", rgba, 1)
    files.save("grey_alpha.png", rgba.convert("LA"), 1)
    pixel = RGB.getpixel((9, 9))
    files.save("rgb_key.png", RGB, 1, transparency=pixel)
    files.save("grey_key.png", RGB.convert("L"), 1, transparency=RGB.convert("L").getpixel((9, 9)))
    files.save("one_pixel.png", RGB.resize((1, 1)))
    for turn in range(1, 9):
        files.save(f"turned_{turn}.png", RGB, exif=with_orientation(turn))
    files.write("interlaced.png", png(np.asarray(RGB), 2, interlaced=True), None, 0)
    files.write("interlaced_small.png", png(np.asarray(RGB)[:3, :2], 2, interlaced=True), None, 0)
    gamma = chunk(b"gAMA", struct.pack(">I", 100000)) + chunk(b"cHRM", struct.pack(">8I", *range(30000, 38000, 1000)))
    files.write("gamma.png", png(np.asarray(RGB), 2, extra=gamma), None, 0)
    alpha16 = np.asarray(ALPHA).astype(np.uint16) * 257
    deep = {"rgb": RGB16, "grey": RGB16[..., :1], "rgba": np.dstack([RGB16, alpha16]),
            "grey_alpha": np.dstack([RGB16[..., 0], alpha16])}
    for (name, values), colour_type in zip(deep.items(), (2, 0, 6, 4)):
        files.write(f"deep_{name}.png", png(values, colour_type), to_8_bit(values), 1)
    files.write("deep_interlaced.png", png(RGB16, 2, interlaced=True), to_8_bit(RGB16), 1)
    files.save("deep_by_pil.png", Image.fromarray(RGB16[..., 0]), 1)


def add_tiffs(files: Files) -> None:
    rgba = RGB.copy()
    rgba.putalpha(ALPHA)
    for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "zstd", "lzma"):
        name = str(compression).removeprefix("tiff_")
        files.save(f"rgb_{name}.tif", RGB, compression=compression)
        files.save(f"grey_{name}.tif", RGB.convert("L"), compression=compression)
        files.save(f"palette_{name}.tif", RGB.quantize(200), compression=compression)
        files.save(f"bits_1_{name}.tif", RGB.convert("1"), compression=compression)
        files.save(f"rgba_{name}.tif", rgba, 1, compression=compression)
        files.save(f"grey_alpha_{name}.tif", rgba.convert("LA"), 1, compression=compression)
        files.save(f"deep_{name}.tif", Image.fromarray(RGB16[..., 0]), 1, compression=compression)
    for compression in ("tiff_lzw", "tiff_adobe_deflate"):
        files.save(f"rgb_predictor_{compression}.tif", RGB, compression=compression, tiffinfo={317: 2})
    files.save("fax.tif", RGB.convert("1"), compression="group4")
    files.save("cmyk.tif", RGB.convert("CMYK"), 1)
    files.save("jpeg.tif", RGB, 2, compression="jpeg", quality=90)
    files.save("grey_jpeg.tif", RGB.convert("L"), 2, compression="jpeg", quality=90)
    files.save("two_pages.tif", RGB, save_all=True, append_images=[RGB.convert("L").resize((30, 20))])
    files.save("one_pixel.tif", RGB.resize((1, 1)))
    for turn in range(1, 9):
        files.save(f"turned_{turn}.tif", RGB, exif=with_orientation(turn))
        files.save(f"turned_lzw_{turn}.tif", RGB, exif=with_orientation(turn), compression="tiff_lzw")
        deep = Image.fromarray(RGB16[..., 0])
        files.save(f"turned_deep_{turn}.tif", deep, 1, exif=with_orientation(turn))
        # PIL turns a TIFF while it loads it, but not one of 16 bit.
        files.cases[f"turned_deep_{turn}.tif"] = (to_8_bit(np.asarray(ImageOps.exif_transpose(turned(deep, turn)))), 1)
    alpha16 = np.asarray(ALPHA).astype(np.uint16) * 257
    shallow = np.asarray(RGB)
    for order, name in (("<", "little"), (">", "big")):
        for planar in (False, True):
            kind = f"{name}_{'planar' if planar else 'chunky'}"
            files.write(f"rgb_{kind}.tif", tiff(shallow, order, planar), shallow.astype(float), 0)
            files.write(f"deep_rgb_{kind}.tif", tiff(RGB16, order, planar), to_8_bit(RGB16), 1)
            files.write(f"deep_rgba_{kind}.tif", tiff(np.dstack([RGB16, alpha16]), order, planar, alpha=2),
                        to_8_bit(np.dstack([RGB16, alpha16])), 1)
        files.write(f"deep_predictor_{name}.tif", tiff(RGB16, order, predictor=True), to_8_bit(RGB16), 1)
        files.write(f"deep_grey_{name}.tif", tiff(RGB16[..., 0], order), to_8_bit(RGB16[..., 0]), 1)
        files.write(f"deep_white_is_zero_{name}.tif", tiff(RGB16[..., 0], order, white_is_zero=True),
                    255 - to_8_bit(RGB16[..., 0]), 1)
    files.write("white_is_zero.tif", tiff(shallow[..., 0], white_is_zero=True),
                255.0 - np.repeat(shallow[..., :1], 3, axis=2), 0)
    files.write("unnamed_fourth_channel.tif", tiff(np.dstack([shallow, np.asarray(ALPHA)]), alpha=0),
                shallow.astype(float), 0)


def add_bmps(files: Files) -> None:
    rgba = RGB.copy()
    rgba.putalpha(ALPHA)
    files.save("rgb.bmp", RGB)
    files.save("grey.bmp", RGB.convert("L"))
    files.save("bits_1.bmp", RGB.convert("1"))
    files.save("palette.bmp", RGB.quantize(200))
    files.save("rgba.bmp", rgba, 1)
    files.save("one_pixel.bmp", RGB.resize((1, 1)))
    top_down = bytearray((files.folder / "rgb.bmp").read_bytes())
    top_down[22:26] = struct.pack("<i", -HEIGHT)
    files.write("top_down.bmp", bytes(top_down), None, 0)


def decoded(folder: pathlib.Path, names: list[str]) -> list[np.ndarray | str]:
    """Pictures, or medisyn's line about them."""
    out = folder / "out.raw"
    run = subprocess.run([RUNNER, "decode", out, *(folder / name for name in names)], capture_output=True, text=True,
                         check=True)
    raw, at, found = np.fromfile(out, np.uint8), 0, []
    for line in run.stdout.splitlines():
        size = line.split()
        if len(size) != 2 or not all(word.isdigit() for word in size):
            found.append(line)
            continue
        height, width = map(int, size)
        found.append(raw[at:at + height * width * 3].reshape(height, width, 3))
        at += height * width * 3
    return found


def compare(found: np.ndarray | str, expected: np.ndarray, bound: int) -> tuple[bool, str]:
    if isinstance(found, str):
        return False, f"refused: {found}"
    if found.shape != expected.shape:
        return False, f"shape {found.shape}, expected {expected.shape}"
    worst = float(np.abs(found.astype(float) - expected).max())
    return worst <= bound, f"{worst:g} (at most {bound})"


def check_decoding(folder: pathlib.Path) -> int:
    files = Files(folder)
    for add in (add_jpegs, add_pngs, add_tiffs, add_bmps):
        add(files)
    failed = 0
    for (name, (reference, bound)), found in zip(files.cases.items(), decoded(folder, list(files.cases)), strict=True):
        is_good, what = compare(found, by_pil(folder / name) if reference is None else reference, bound)
        failed += not is_good
        print(f"{name}: {what} {'ok' if is_good else 'FAILED'}", flush=True)
    print(f"{len(files.cases)} files decoded, {failed} failed")
    return failed


def check_resizing(folder: pathlib.Path) -> int:
    """Rows first and then columns, as PIL does where the shape is kept, and before Pillow 13 everywhere."""
    failed = 0
    sizes = [(58, 101), (29, 50), (12, 21), (175, 304), (1000, 1735), (117, 100), (58, 203), (1, 1), (3, 500), (2000, 5)]
    for height, width in sizes:
        subprocess.run([RUNNER, "resize", folder / "out.raw", folder / "rgb.png", str(height), str(width)], check=True)
        narrowed = RGB.resize((width, HEIGHT), Image.Resampling.BICUBIC)
        expected = np.asarray(narrowed.resize((width, height), Image.Resampling.BICUBIC))
        is_good = np.array_equal(np.fromfile(folder / "out.raw", np.uint8).reshape(expected.shape), expected)
        direct = np.asarray(RGB.resize((width, height), Image.Resampling.BICUBIC)).astype(int)
        failed += not is_good
        print(f"resize {WIDTH}x{HEIGHT} -> {width}x{height}: {'equal' if is_good else 'FAILED'}, "
              f"this Pillow's own order differs by {np.abs(direct - expected).max()}")
    return failed


def least_ms(task) -> float:
    least, total = float("inf"), 0.0
    while total < 1:
        begin = time.perf_counter()
        task()
        least, total = min(least, time.perf_counter() - begin), total + time.perf_counter() - begin
    return least * 1000


def pil_times(path: pathlib.Path, side: int) -> dict[str, float]:
    data = path.read_bytes()
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    scale = side / min(picture.size)
    width, height = (max(side, round(length * scale)) for length in picture.size)
    left, top = (width - side) // 2, (height - side) // 2

    def small() -> Image.Image:
        return picture.resize((width, height), Image.Resampling.BICUBIC).crop((left, top, left + side, top + side))

    def encoded(kind: str, **options) -> bytes:
        out = io.BytesIO()
        shrunk.save(out, kind, **options)
        return out.getvalue()

    shrunk = small()
    return {"decode": least_ms(lambda: Image.open(io.BytesIO(data)).convert("RGB")), "resize": least_ms(small),
            "png": least_ms(lambda: encoded("PNG")), "jpeg95": least_ms(lambda: encoded("JPEG", quality=95)),
            "sha256": least_ms(lambda: hashlib.sha256(shrunk.tobytes()).hexdigest()),
            "png_bytes": len(encoded("PNG")), "jpeg95_bytes": len(encoded("JPEG", quality=95))}


def print_times(folder: pathlib.Path) -> None:
    for name, size, side in (("120.jpg", (120, 100), 64), ("1024.jpg", (1024, 768), 512), ("2000.jpg", (2000, 1500), 512),
                             ("1024.png", (1024, 768), 512)):
        Image.fromarray(np.round(photograph(*size[::-1]) * 255).astype(np.uint8)).save(folder / name, quality=90)
        run = subprocess.run([RUNNER, "times", folder / name, str(side)], capture_output=True, text=True, check=True)
        ours = {step: float(value) for step, value in map(str.split, run.stdout.splitlines())}
        theirs = pil_times(folder / name, side)
        print(f"{name}, {size[0]}x{size[1]} -> {side}: " +
              ", ".join(f"{step} {ours[step]:g} (PIL {theirs[step]:.4g})" for step in ours))


def main() -> int:
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work)
        failed = check_decoding(folder) + check_resizing(folder)
        if "--times" in sys.argv[1:]:
            print("milliseconds on one thread, the least of a second's runs; bytes")
            print_times(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
