#!/usr/bin/env python3
"""What pytorch_fid, torch_fidelity and clean-fid's recipe make of the same pictures, weights and features.

usage: .venv-peers/bin/python scripts/parity_fid.py FOLDER

Run by tests/eval/fid_parity_test.cpp. Writes into FOLDER pictures of several sizes, random weights of FID's Inception as
both formats of torch.save, and reference.safetensors: for each mode the prepared pictures and their features; features of
two sets with their Frechet distance, precision, recall and kernel distance; real.npz and deflated.npz, statistics as
pytorch-fid and clean-fid write them. ours.npz, where it is there, is read as they read it.
"""
import pathlib
import sys
from unittest import mock

import numpy as np
import torch
from PIL import Image
from pytorch_fid.fid_score import calculate_frechet_distance, get_activations
from pytorch_fid.inception import InceptionV3, fid_inception_v3
from safetensors.torch import save_file
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

SIZES = [(299, 299), (512, 512), (64, 64), (301, 260), (97, 640), (1024, 768)]


def pictures(folder: pathlib.Path) -> list[pathlib.Path]:
    random = np.random.default_rng(0)
    files = []
    for i, (height, width) in enumerate(SIZES):
        y, x = np.mgrid[0:height, 0:width]
        waves = np.stack([np.sin(x / (7 + 9 * c) + y / (11 + 5 * i)) for c in range(3)], axis=2)
        values = 128 + 90 * waves + random.normal(0, 20 + 15 * i, (height, width, 3))
        files.append(folder / f"{i}.png")
        Image.fromarray(values.clip(0, 255).astype(np.uint8)).save(files[-1])
    return files


def random_network() -> torch.nn.Module:
    """FID's Inception without the weights that it downloads; its norms as if it had been trained."""
    torch.manual_seed(0)
    with mock.patch("pytorch_fid.inception.load_state_dict_from_url"), \
         mock.patch.object(torch.nn.Module, "load_state_dict"):
        network = fid_inception_v3()
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.8, 1.2)
            torch.nn.init.normal_(module.bias, 0, 0.2)
    network.train()
    with torch.no_grad():  # running statistics of noise
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1.0
        torch.nn.Sequential(*blocks_of(network))(torch.rand(4, 3, 299, 299) * 2 - 1)
    return network.eval()


def blocks_of(network: torch.nn.Module) -> list[torch.nn.Module]:
    with mock.patch("pytorch_fid.inception.fid_inception_v3", return_value=network):
        return list(InceptionV3([3]).blocks)


def clean_resized(image: np.ndarray, size: int = 299) -> np.ndarray:
    """cleanfid/resize.py, make_resizer("PIL", quantize_after=False, "bicubic", (size, size))."""
    channels = []
    for channel in range(3):
        one = Image.fromarray(image[:, :, channel].astype(np.float32))
        channels.append(np.asarray(one.resize((size, size), resample=Image.Resampling.BICUBIC)).clip(0, 255))
    return np.stack(channels, axis=2).astype(np.float32)


def unit(pixels: torch.Tensor) -> torch.Tensor:
    """[3, 299, 299] in 0..255 -> [299, 299, 3] in 0..1"""
    return (pixels / 255).permute(1, 2, 0).contiguous()


@torch.no_grad()
def references(folder: pathlib.Path, files: list[pathlib.Path]) -> dict[str, torch.Tensor]:
    network = random_network()
    torch.save(network.state_dict(), folder / "weights.pth")
    torch.save(network.state_dict(), folder / "legacy.pth", _use_new_zipfile_serialization=False)
    blocks = torch.nn.Sequential(*blocks_of(network)).eval()
    with mock.patch("pytorch_fid.inception.fid_inception_v3", return_value=network):
        fid = InceptionV3([3]).eval()
    fidelity = FeatureExtractorInceptionV3("inception", ["2048"], str(folder / "weights.pth"))
    images = [np.asarray(Image.open(file).convert("RGB")) for file in files]
    bytes_ = [torch.from_numpy(image.copy()).permute(2, 0, 1) for image in images]
    clean = [torch.from_numpy(clean_resized(image)).permute(2, 0, 1) for image in images]
    resized = {
        "pytorch-fid": [torch.nn.functional.interpolate(b[None] / 255, size=(299, 299), mode="bilinear",
                                                        align_corners=False)[0] * 255 for b in bytes_],
        "torch-fidelity": [interpolate_bilinear_2d_like_tensorflow1x(b[None].float(), size=(299, 299),
                                                                    align_corners=False)[0] for b in bytes_],
        "clean-fid": clean}
    found = {f"prepared.{mode}": torch.stack([unit(p) for p in pixels]) for mode, pixels in resized.items()}
    found["features.pytorch-fid"] = torch.from_numpy(np.concatenate(
        [get_activations([str(file)], fid, batch_size=1, num_workers=0) for file in files])).float()
    found["features.torch-fidelity"] = torch.cat([fidelity(b[None])[0] for b in bytes_])
    found["features.clean-fid"] = torch.cat([blocks((c[None] - 128) / 128).flatten(1) for c in clean])
    return found


def distances(folder: pathlib.Path) -> dict[str, torch.Tensor]:
    random = np.random.default_rng(1)
    mixing = random.normal(size=(64, 64)) / 8
    real = (random.normal(size=(700, 64)) @ mixing).astype(np.float32)
    generated = (random.normal(size=(600, 64)) @ mixing * 1.1 + 0.1).astype(np.float32)
    moments = [(np.mean(x.astype(np.float64), axis=0), np.cov(x.astype(np.float64), rowvar=False)) for x in (real, generated)]
    np.savez(folder / "real.npz", mu=moments[0][0], sigma=moments[0][1])
    np.savez_compressed(folder / "deflated.npz", mu=moments[0][0], sigma=moments[0][1])
    a, b = torch.from_numpy(real), torch.from_numpy(generated)
    scores = {"fid": calculate_frechet_distance(*moments[0], *moments[1])}
    for k in (3, 5):
        prc = prc_features_to_metric(b, a, prc_neighborhood=k, prc_batch_size=10000, save_cpu_ram=False, verbose=False)
        scores |= {f"precision.{k}": prc["precision"], f"recall.{k}": prc["recall"]}
    kid = kid_features_to_metric(a[:600].double(), b.double(), kid_subsets=1, kid_subset_size=600, verbose=False)
    scores["kid"] = kid["kernel_inception_distance_mean"]
    return {"real": a, "generated": b} | {name: torch.tensor(float(value)).double() for name, value in scores.items()}


def check_ours(file: pathlib.Path) -> None:
    with np.load(file) as ours:
        mu, sigma = ours["mu"][:], ours["sigma"][:]
    assert mu.dtype == np.float64 and sigma.shape == (len(mu), len(mu)), (mu.dtype, sigma.shape)
    assert np.array_equal(mu, np.arange(3) / 4) and np.array_equal(sigma, np.eye(3) * 2), (mu, sigma)


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    save_file(references(folder, pictures(folder)) | distances(folder), folder / "reference.safetensors")
    if (folder / "ours.npz").exists():
        check_ours(folder / "ours.npz")


if __name__ == "__main__":
    main()
