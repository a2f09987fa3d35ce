#!/usr/bin/env python3
"""Computes trainings of medisyn again, step by step, with diffusers and torch.optim.AdamW.

usage: .venv-peers/bin/python scripts/parity_training.py FOLDER

Each folder in FOLDER that has base/ (a Stable Diffusion folder) and run/ (a training of its U-Net from there, in fp32,
with `--dump-steps` for all its steps) is one case. Every step takes latents, noise, timesteps and text embeddings from the
dump, the weights from the step before. Prints one line a case, and exits with 1 when a loss differs by more than 1e-5
(relative), a tensor's total update by more than 1e-3 (L2, relative), or the same comparison passes although the reference
was given other noise in one step.
"""
import pathlib
import sys

import torch
import yaml
from diffusers import DDPMScheduler, UNet2DConditionModel
from diffusers.optimization import get_scheduler
from diffusers.training_utils import compute_snr
from safetensors.torch import load_file

LOSS_TOLERANCE, UPDATE_TOLERANCE = 1e-5, 1e-3


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
    start = {name: p.detach().clone() for name, p in unet.named_parameters()}
    scheduler = DDPMScheduler.from_config(DDPMScheduler.load_config(case / "base/scheduler"))
    options, steps = config["optimizer"], config["max_steps"]
    optimizer = torch.optim.AdamW(unet.parameters(), lr=options["learning_rate"], eps=float(options["eps"]),
                                  betas=(options["beta1"], options["beta2"]), weight_decay=options["weight_decay"])
    rate = get_scheduler(options["schedule"], optimizer, num_warmup_steps=0, num_training_steps=steps)
    worst_loss = 0.0
    for number in range(steps):
        step = load_file(case / f"run/steps/{number:04}-rank0-micro0.safetensors")
        if spoil and number == 0:
            step["noise"] = step["noise"].flip(0)
        loss = loss_of(unet, scheduler, step, config["min_snr_gamma"])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(unet.parameters(), options["max_grad_norm"])
        optimizer.step()
        rate.step()
        optimizer.zero_grad()
        worst_loss = max(worst_loss, abs(loss.item() - step["loss"].item()) / abs(loss.item()))
    ours = load_file(case / f"run/checkpoints/step-{steps}/unet/diffusion_pytorch_model.safetensors")
    worst_update = max(((ours[name] - p.detach()).norm() / (p.detach() - start[name]).norm()).item()
                       for name, p in unet.named_parameters())
    return worst_loss, worst_update


def is_within(found: tuple[float, float]) -> bool:
    return found[0] <= LOSS_TOLERANCE and found[1] <= UPDATE_TOLERANCE


def main() -> int:
    torch.set_num_threads(1)
    failed = 0
    for case in sorted(path.parent for path in pathlib.Path(sys.argv[1]).glob("*/base")):
        config = yaml.safe_load((case / "run/config.yaml").read_text(encoding="utf-8"))
        found = differences(case, config, spoil=False)
        passed = is_within(found) and not is_within(differences(case, config, spoil=True))
        failed += not passed
        print(f"{case.name}: {config['max_steps']} steps, losses within {found[0]:.1e}, updates within {found[1]:.1e}: "
              f"{'ok' if passed else 'FAILED'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
