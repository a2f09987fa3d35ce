#!/usr/bin/env python3
"""Loads LoRA files of medisyn with diffusers and compares outputs and gradients.

usage: .venv-peers/bin/python scripts/parity_lora.py FOLDER

FOLDER holds base/ (a Stable Diffusion folder) and a folder for each case: pytorch_lora_weights.safetensors,
lora.json (component -> rank, alpha, targets) and results.safetensors (sample, timesteps, text_embeddings, prediction; the
gradients of mean(prediction^2) as grad.NAME; input_ids and hidden where the text encoder is adapted). Prints one line a
case and exits with 1 when an output differs by more than 1e-5 or a gradient by more than 1e-4 (L2, relative), when PEFT
adapts other layers or diffusers writes another file, or when the comparison passes without the adapters or with alpha left
out.
"""
import json
import pathlib
import sys
import tempfile

import diffusers
import torch
import transformers
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from diffusers.training_utils import _collate_lora_metadata
from peft import LoraConfig
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import get_peft_model_state_dict
from safetensors import safe_open
from safetensors.torch import load_file

OUTPUT_TOLERANCE, GRADIENT_TOLERANCE = 1e-5, 1e-4
FILE = "pytorch_lora_weights.safetensors"
ADAPTER = "default_0"


def difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    return ((found - expected).norm() / expected.norm()).item()


def load(base: pathlib.Path, weights: pathlib.Path | dict | None) -> StableDiffusionPipeline:
    pipeline = StableDiffusionPipeline.from_pretrained(base, safety_checker=None)
    if weights is not None:
        pipeline.load_lora_weights(weights)
    return pipeline


def worst_output(pipeline: StableDiffusionPipeline, results: dict) -> float:
    prediction = pipeline.unet(results["sample"], results["timesteps"], results["text_embeddings"]).sample
    worst = difference(results["prediction"], prediction)
    if "hidden" in results:
        worst = max(worst, difference(results["hidden"], pipeline.text_encoder(results["input_ids"]).last_hidden_state))
    return worst


def worst_gradient(unet: UNet2DConditionModel, results: dict) -> float:
    """The largest difference of the gradients of an A or B."""
    adapters = {name.replace(f".{ADAPTER}", ""): p for name, p in unet.named_parameters() if ".lora_" in name}
    for parameter in adapters.values():
        parameter.requires_grad_(True)
    unet(results["sample"], results["timesteps"], results["text_embeddings"]).sample.square().mean().backward()
    assert adapters.keys() == {name.removeprefix("grad.") for name in results if name.startswith("grad.")}
    return max(difference(results[f"grad.{name}"], p.grad) for name, p in adapters.items())


def metadata_of(file: pathlib.Path) -> dict:
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    assert metadata["format"] == "pt"
    return json.loads(metadata["lora_adapter_metadata"])


def check_layers(base: pathlib.Path, file: pathlib.Path, config: dict) -> None:
    """PEFT adapts the same layers of a U-Net, with A and B of the same shapes, and diffusers writes the same file."""
    unet = UNet2DConditionModel.from_pretrained(base / "unet")
    unet.add_adapter(LoraConfig(r=config["rank"], lora_alpha=config["alpha"], target_modules=config["targets"]))
    layers = [name for name, module in unet.named_modules() if isinstance(module, BaseTunerLayer)]
    ours = {name: tensor for name, tensor in load_file(file).items() if name.startswith("unet.")}
    assert sorted(layers) == sorted({name.removeprefix("unet.").split(".lora_")[0] for name in ours})
    with tempfile.TemporaryDirectory() as work:
        StableDiffusionPipeline.save_lora_weights(work, unet_lora_layers=get_peft_model_state_dict(unet),
                                                  **_collate_lora_metadata({"unet": unet}))
        written = load_file(pathlib.Path(work) / FILE)
        metadata = metadata_of(pathlib.Path(work) / FILE)
    assert {name: (t.shape, t.dtype) for name, t in written.items()} == {
        name: (t.shape, t.dtype) for name, t in ours.items()}
    our_metadata = {name: value for name, value in metadata_of(file).items() if name.startswith("unet.")}
    metadata["unet.target_modules"] = [target for target in config["targets"] if target in metadata["unet.target_modules"]]
    assert our_metadata == {name: metadata[name] for name in our_metadata} and len(our_metadata) == 3


def check(base: pathlib.Path, case: pathlib.Path) -> bool:
    results = load_file(case / "results.safetensors")
    configs = json.loads((case / "lora.json").read_text(encoding="utf-8"))
    check_layers(base, case / FILE, configs["unet"])
    with torch.no_grad():
        output = worst_output(load(base, case), results)
        wrong = [worst_output(load(base, None), results)]
        if any(config["alpha"] != config["rank"] for config in configs.values()):
            wrong.append(worst_output(load(base, load_file(case / FILE)), results))
    gradient = worst_gradient(load(base, case).unet, results)
    passed = output <= OUTPUT_TOLERANCE and gradient <= GRADIENT_TOLERANCE and min(wrong) > 1e3 * OUTPUT_TOLERANCE
    print(f"{case.name}: outputs within {output:.1e}, gradients within {gradient:.1e}, otherwise "
          f"{', '.join(f'{value:.1e}' for value in wrong)}: {'ok' if passed else 'FAILED'}", flush=True)
    return passed


def main() -> int:
    torch.set_num_threads(1)
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    folder = pathlib.Path(sys.argv[1])
    cases = sorted(path.parent for path in folder.glob("*/lora.json"))
    return 0 if cases and all([check(folder / "base", case) for case in cases]) else 1


if __name__ == "__main__":
    sys.exit(main())
