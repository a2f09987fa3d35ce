#!/usr/bin/env python3
"""DICOM pixels and volume slices, medisyn beside pydicom + numpy and nibabel.

usage: .venv-peers/bin/python scripts/parity_medical_files.py [FILE...]

Without arguments: every DICOM file with a picture in quickstart/data and among pydicom's own test files, and every
NIfTI of quickstart/data. medisyn (the test program medical_files_run) writes what it reads as raw bytes. Prints one
line a file with the largest difference and exits with 1 when one is above 1/255 (DICOM, in steps of 1/255) or above
the rounding of fp32 (NIfTI), or when medisyn refuses a file that pydicom reads.

pydicom + numpy: stored values, modality table or rescale, first VOI table or else first window, or else the frame's
least value to its greatest; as 0 to 1 of the range that each step is defined on; MONOCHROME1 inverted; rounded to 8
bits. Functional groups are laid over the file's own tags first. Colour: pydicom's RGB and palettes, as they are where
they have 8 bits, else divided by what stands for all. JPEG of 8 bits is decoded by pydicom's plugin of Pillow: the
standard leaves a decoder room, and pydicom's plugins differ from each other by up to 5/255.
"""
import pathlib
import subprocess
import sys
import tempfile
import warnings

import nibabel
import numpy as np
import pydicom
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut, pixel_array
from pydicom.uid import (ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit,
                         JPEGExtended12Bit)

RUNNER = "build/release/tests/io/medical_files_run"
BOUND = 1
# Read by pydicom and refused by medisyn.
REFUSED = {"SC_rgb_jpeg.dcm": "it is written in implicit encoding under a transfer syntax of explicit encoding"}
PILLOW = (JPEGBaseline8Bit, JPEGExtended12Bit)


class Refused(Exception):
    """medisyn's one line."""


def run(path: pathlib.Path, work: pathlib.Path) -> tuple[list[list[str]], bytes]:
    out = work / "out.raw"
    done = subprocess.run([RUNNER, path, out], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(done.stderr.strip() or f"ended with {done.returncode}")
    return [line.split() for line in done.stdout.splitlines()], out.read_bytes()


def frame_tags(ds: pydicom.Dataset, frame: int) -> pydicom.Dataset:
    """The tags of the grey pipeline that hold for one frame."""
    tags = pydicom.Dataset()
    for name in ("PhotometricInterpretation", "BitsStored", "PixelRepresentation", "ModalityLUTSequence",
                 "RescaleSlope", "RescaleIntercept", "VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction"):
        if name in ds:
            tags[name] = ds[name]
    groups = [ds.SharedFunctionalGroupsSequence[0]] if ds.get("SharedFunctionalGroupsSequence") else []
    groups += [ds.PerFrameFunctionalGroupsSequence[frame]] if ds.get("PerFrameFunctionalGroupsSequence") else []
    for group in groups:
        for sequence in ("PixelValueTransformationSequence", "FrameVOILUTSequence"):
            for element in group[sequence].value[0] if group.get(sequence) else []:
                tags[element.tag] = element
    tags.file_meta = ds.file_meta
    return tags


def first(value):
    return value[0] if isinstance(value, (list, pydicom.multival.MultiValue)) else value


def has_window(tags: pydicom.Dataset) -> bool:
    width = first(tags.get("WindowWidth"))
    return tags.get("WindowCenter") is not None and width is not None and width > 0


def value_range(tags: pydicom.Dataset) -> tuple[float, float]:
    """What pydicom's windows map to."""
    if tags.get("ModalityLUTSequence"):
        return 0, 2 ** tags.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    bits = tags.BitsStored
    low, high = (0, 2**bits - 1) if tags.PixelRepresentation == 0 else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    slope, intercept = tags.get("RescaleSlope"), tags.get("RescaleIntercept")
    if slope is not None and intercept is not None:
        low, high = low * slope + intercept, high * slope + intercept
    return low, high


def stretched(values: np.ndarray, stored: np.ndarray, ds: pydicom.Dataset) -> np.ndarray:
    """From least to greatest without padding, which is black."""
    padding = np.zeros(stored.shape, bool)
    if "PixelPaddingValue" in ds:
        ends = sorted([ds.PixelPaddingValue, ds.get("PixelPaddingRangeLimit", ds.PixelPaddingValue)])
        padding = (stored >= ends[0]) & (stored <= ends[1])
    kept = values[~padding].astype(float)
    low, high = (kept.min(), kept.max()) if kept.size else (0, 0)
    grey = (values - low) / (high - low) if high > low else (values > low).astype(float)
    return np.where(padding, np.nan, grey)


def grey_frame(stored: np.ndarray, ds: pydicom.Dataset, frame: int) -> np.ndarray:
    tags = frame_tags(ds, frame)
    values = apply_modality_lut(stored, tags)
    if tags.get("VOILUTSequence"):
        grey = apply_voi_lut(values, tags) / (2.0 ** tags.VOILUTSequence[0].LUTDescriptor[2] - 1)
    elif has_window(tags):
        low, high = value_range(tags)
        grey = (apply_voi_lut(values, tags) - low) / (high - low)
    else:
        grey = stretched(values, stored, ds)
    if ds.PhotometricInterpretation == "MONOCHROME1":
        grey = 1 - grey
    return np.floor(np.nan_to_num(grey, nan=0.0) * 255 + 0.5)


def decoded(ds: pydicom.Dataset) -> np.ndarray:
    plugin = "pillow" if ds.file_meta.TransferSyntaxUID in PILLOW and ds.BitsStored == 8 else ""
    return pixel_array(ds, decoding_plugin=plugin)


def read(path: pathlib.Path) -> pydicom.Dataset:
    """Files without a meta header are read too."""
    ds = pydicom.dcmread(path, force=True)
    if "TransferSyntaxUID" not in ds.file_meta:
        implicit, little = ds.original_encoding
        ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else (
            ExplicitVRLittleEndian if little else ExplicitVRBigEndian)
    if ds.file_meta.TransferSyntaxUID == ExplicitVRBigEndian:
        # pydicom takes the words of palettes as they stand.
        for name in ("Red", "Green", "Blue"):
            name += "PaletteColorLookupTableData"
            if name in ds:
                ds[name].value = np.frombuffer(ds[name].value, ">u2").astype("<u2").tobytes()
    return ds


def colour(pixels: np.ndarray, ds: pydicom.Dataset) -> np.ndarray:
    top = 2**ds.BitsStored - 1
    if ds.PhotometricInterpretation == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, ds)
        top = 2 ** ds.RedPaletteColorLookupTableDescriptor[2] - 1
    return pixels.astype(float) if top == 255 else np.floor(pixels / top * 255 + 0.5)


def reference(ds: pydicom.Dataset) -> np.ndarray:
    """[frames, H, W, 3]"""
    pixels = decoded(ds)
    frames = int(ds.get("NumberOfFrames", 1) or 1)
    pixels = pixels.reshape(frames, ds.Rows, ds.Columns, *([3] if ds.SamplesPerPixel == 3 else []))
    if not ds.PhotometricInterpretation.startswith("MONOCHROME"):
        return colour(pixels, ds)
    grey = np.stack([grey_frame(pixels[i], ds, i) for i in range(frames)])
    return np.repeat(grey[..., None], 3, axis=3)


def describe(ds: pydicom.Dataset) -> str:
    frames = f", {ds.NumberOfFrames} frames" if ds.get("NumberOfFrames", 1) not in (None, 1) else ""
    sign = "signed" if ds.PixelRepresentation else "unsigned"
    return (f"{ds.file_meta.TransferSyntaxUID.name}, {ds.PhotometricInterpretation}, {ds.BitsStored} of "
            f"{ds.BitsAllocated} bits {sign}{frames}")


def check_dicom(path: pathlib.Path, work: pathlib.Path) -> tuple[str, float | None]:
    ds = read(path)
    expected = reference(ds)
    sizes, raw = run(path, work)
    found = np.frombuffer(raw, np.uint8).reshape(*map(int, sizes[0][1:]), 3)
    if found.shape != expected.shape:
        return f"{describe(ds)}: shape {found.shape}, expected {expected.shape}", None
    return describe(ds), float(np.abs(found.astype(float) - expected).max())


def check_nifti(path: pathlib.Path, work: pathlib.Path) -> tuple[str, float | None]:
    image = nibabel.as_closest_canonical(nibabel.load(path))
    voxels = np.squeeze(image.get_fdata())  # [x, y, z]
    sizes, raw = run(path, work)
    found, at, worst = np.frombuffer(raw, np.float32), 0, 0.0
    zooms = image.header.get_zooms()
    # Right on the left of the picture, front or head up; sagittal with the front on the left.
    planes = {"axial": (voxels[::-1, ::-1].transpose(2, 1, 0), zooms[1], zooms[0]),
              "coronal": (voxels[::-1, :, ::-1].transpose(1, 2, 0), zooms[2], zooms[0]),
              "sagittal": (voxels[:, ::-1, ::-1].transpose(0, 2, 1), zooms[2], zooms[1])}
    for name, *numbers in sizes:
        slices, *spacing = planes[name]
        count, height, width = map(int, numbers[:3])
        if slices.shape != (count, height, width):
            return f"{name}: shape {(count, height, width)}, expected {slices.shape}", None
        if not np.allclose(spacing, list(map(float, numbers[3:])), rtol=1e-5):
            return f"{name}: spacing {numbers[3:]}, expected {spacing}", None
        part = found[at:at + slices.size].reshape(slices.shape)
        worst, at = max(worst, float(np.abs(part - slices).max())), at + slices.size
    span = float(voxels.max() - voxels.min()) or 1.0
    shape = " x ".join(map(str, voxels.shape))
    axes = "".join(nibabel.aff2axcodes(nibabel.load(path).affine))
    return f"{shape}, stored {axes}, {image.header.get_data_dtype()}, in 1/255 of the range", worst / span * 255


def has_picture(path: pathlib.Path) -> bool:
    try:
        reference(read(path))
        return True
    except Exception:  # noqa: BLE001 what pydicom cannot show is no reference
        return False


def files() -> list[pathlib.Path]:
    own = pathlib.Path(get_testdata_file("CT_small.dcm")).parent
    found = sorted(pathlib.Path("quickstart/data").rglob("*.dcm")) + sorted(own.glob("*.dcm"))
    volumes = pathlib.Path("quickstart/data").rglob("*.nii*")
    return found + sorted(path for path in volumes if path.name.endswith((".nii", ".nii.gz")))


def main() -> int:
    warnings.simplefilter("ignore")
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    failed = compared = 0
    with tempfile.TemporaryDirectory() as work:
        for path in map(pathlib.Path, sys.argv[1:]) if sys.argv[1:] else files():
            is_volume = path.name.endswith((".nii", ".nii.gz"))
            if not is_volume and not has_picture(path):
                print(f"{path.name}: no picture for pydicom", flush=True)
                continue
            try:
                what, worst = (check_nifti if is_volume else check_dicom)(path, pathlib.Path(work))
            except Refused as refusal:
                if path.name in REFUSED:
                    print(f"{path.name}: refused, as it must be: {REFUSED[path.name]}", flush=True)
                    continue
                what, worst = f"refused: {refusal}", None
            is_good = worst is not None and worst <= (1e-3 if is_volume else BOUND)
            compared += 1
            failed += not is_good
            print(f"{path.name}: {'-' if worst is None else f'{worst:.3g}'} {'ok' if is_good else 'FAILED'}: {what}",
                  flush=True)
    print(f"{compared} files compared, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
