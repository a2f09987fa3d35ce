#!/usr/bin/env python3
"""Computes trainings of medisyn again, step by step, with diffusers and torch.optim.AdamW.

usage: .venv-peers/bin/python scripts/parity_training.py [FOLDER]

Without a folder: one step of Stable Diffusion 1.4 at its full size, 256x256, gradient checkpointing, one image, about three
minutes, 20 GB of memory and as much disk. Otherwise each folder in FOLDER that has base/ (a Stable Diffusion folder) and
run/ (a training of its U-Net from there, in fp32, with `--dump-steps` for all its steps) is one case. Every step takes latents, noise, timesteps and text embeddings from the
dump, the weights from the step before. Prints one line a case, and exits with 1 when a loss differs by more than 1e-5
(relative), a tensor's total update by more than 1e-3 (L2, relative), or (with a folder) the same comparison passes although
the reference was given other noise in one step.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
import yaml
from diffusers import DDPMScheduler, UNet2DConditionModel
from diffusers.optimization import get_scheduler
from diffusers.training_utils import compute_snr
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

MEDISYN, MERGES = "build/release/medisyn", "quickstart/data/clip/bpe_simple_vocab_16e6.txt.gz"
PICTURE = "quickstart/data/skimage/retina.jpg"
LOSS_TOLERANCE, UPDATE_TOLERANCE = 1e-5, 1e-3


def read_step(folder: pathlib.Path, number: int) -> dict:
    """The batch of a step, whatever its micro-batches, and its mean loss."""
    parts = [load_file(file) for file in sorted(folder.glob(f"{number:04}-rank0-micro*.safetensors"))]
    step = {name: torch.cat([part[name] for part in parts])
            for name in ("latents", "noise", "timesteps", "text_embeddings")}
    step["loss"] = sum(part["loss"] * len(part["latents"]) for part in parts) / len(step["latents"])
    return step


def loss_of(unet: UNet2DConditionModel, scheduler: DDPMScheduler, step: dict, min_snr_gamma: float) -> torch.Tensor:
    """As diffusers' examples/text_to_image/train_text_to_image.py computes it."""
    noisy = scheduler.add_noise(step["latents"], step["noise"], step["timesteps"])
    prediction = unet(noisy, step["timesteps"], step["text_embeddings"]).sample
    kind = scheduler.config.prediction_type
    target = {"epsilon": lambda: step["noise"], "sample": lambda: step["latents"],
              "v_prediction": lambda: scheduler.get_velocity(step["latents"], step["noise"], step["timesteps"])}[kind]()
    if min_snr_gamma == 0:
        return torch.nn.functional.mse_loss(prediction, target)
    snr = compute_snr(scheduler, step["timesteps"])
    weight = snr.clamp(max=min_snr_gamma) / (snr + 1 if kind == "v_prediction" else snr)
    return ((prediction - target).square().mean((1, 2, 3)) * weight).mean()


def differences(case: pathlib.Path, config: dict, spoil: bool) -> tuple[float, float]:
    """The largest relative differences of a loss and of a tensor's total update."""
    unet = UNet2DConditionModel.from_pretrained(case / "base/unet").train()
    if config["gradient_checkpointing"]:
        unet.enable_gradient_checkpointing()
    scheduler = DDPMScheduler.from_config(DDPMScheduler.load_config(case / "base/scheduler"))
    options, steps = config["optimizer"], config["max_steps"]
    optimizer = torch.optim.AdamW(unet.parameters(), lr=options["learning_rate"], eps=options["eps"],
                                  betas=(options["beta1"], options["beta2"]), weight_decay=options["weight_decay"])
    rate = get_scheduler(options["schedule"], optimizer, num_warmup_steps=0, num_training_steps=steps)
    worst_loss = 0.0
    for number in range(steps):
        step = read_step(case / "run/steps", number)
        if spoil and number == 0:
            step["noise"] = step["noise"].flip(0)
        loss = loss_of(unet, scheduler, step, config["min_snr_gamma"])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(unet.parameters(), options["max_grad_norm"])
        optimizer.step()
        rate.step()
        optimizer.zero_grad()
        worst_loss = max(worst_loss, abs(loss.item() - step["loss"].item()) / abs(loss.item()))
    return worst_loss, worst_update(unet, case / "base/unet", case / f"run/checkpoints/step-{steps}/unet")


def worst_update(unet: UNet2DConditionModel, start: pathlib.Path, end: pathlib.Path) -> float:
    """The largest difference of a tensor's total update between the model and the folder `end`."""
    name = "diffusion_pytorch_model.safetensors"
    with safe_open(start / name, "pt") as before, safe_open(end / name, "pt") as ours:
        return max(((ours.get_tensor(name) - p.detach()).norm() / (p.detach() - before.get_tensor(name)).norm()).item()
                   for name, p in unet.named_parameters())


def is_within(found: tuple[float, float]) -> bool:
    return found[0] <= LOSS_TOLERANCE and found[1] <= UPDATE_TOLERANCE


def train_full_size(case: pathlib.Path) -> None:
    """One step of SD 1.4 with random weights."""
    subprocess.run([MEDISYN, "model", "init", "--config", "models/sd14.yaml", "--tokenizer", MERGES, "--out", case / "base",
                    "--quiet"], check=True)
    unet = case / "base/unet/config.json"
    unet.write_text(json.dumps({**json.loads(unet.read_text(encoding="utf-8")), "sample_size": 32}), encoding="utf-8")
    data = case / "data"
    data.mkdir()
    lines = []
    for split in ("train", "test"):
        Image.open(PICTURE).convert("RGB").resize((256, 256), Image.Resampling.LANCZOS).save(data / f"{split}.png")
        lines.append({"file_name": f"{split}.png", "text": "a colour photograph of the back of an eye", "split": split})
    (data / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    config = {"objective": "unet", "data": {"manifest": str(data)}, "parts": {"base": str(case / "base")}, "batch_size": 1,
              "max_steps": 1, "gradient_checkpointing": True, "caption_dropout": 0}
    (case / "train.yaml").write_text(json.dumps(config), encoding="utf-8")
    subprocess.run([MEDISYN, "train", "--config", case / "train.yaml", "--out", case / "run", "--dump-steps", "1", "--device",
                    "cpu", "--quiet"], check=True)


def report(case: pathlib.Path, spoil: bool) -> bool:
    config = yaml.safe_load((case / "run/config.yaml").read_text(encoding="utf-8"))
    found = differences(case, config, spoil=False)
    passed = is_within(found) and not (spoil and is_within(differences(case, config, spoil=True)))
    print(f"{case.name}: {config['max_steps']} steps, losses within {found[0]:.1e}, updates within {found[1]:.1e}: "
          f"{'ok' if passed else 'FAILED'}", flush=True)
    return passed


def main() -> int:
    if len(sys.argv) == 1:
        with tempfile.TemporaryDirectory() as work:
            case = pathlib.Path(work) / "sd14"
            train_full_size(case)
            return 0 if report(case, spoil=False) else 1
    torch.set_num_threads(1)
    cases = sorted(path.parent for path in pathlib.Path(sys.argv[1]).glob("*/base"))
    return 0 if all([report(case, spoil=True) for case in cases]) else 1


if __name__ == "__main__":
    sys.exit(main())
