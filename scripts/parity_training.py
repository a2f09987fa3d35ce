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
from transformers import BertModel, CLIPTextModel

MEDISYN, MERGES = "build/release/medisyn", "quickstart/data/clip/bpe_simple_vocab_16e6.txt.gz"
PICTURE = "quickstart/data/skimage/retina.jpg"
LOSS_TOLERANCE, UPDATE_TOLERANCE = 1e-5, 1e-3


def read_step(folder: pathlib.Path, number: int) -> dict:
    """The batch of a step, whatever its micro-batches, and its mean loss."""
    parts = [load_file(file) for file in sorted(folder.glob(f"{number:04}-rank0-micro*.safetensors"))]
    step = {name: torch.cat([part[name] for part in parts]) for name in parts[0] if name != "loss"}
    step["loss"] = sum(part["loss"] * len(part["latents"]) for part in parts) / len(step["latents"])
    return step


def embeddings_of(text_encoder: torch.nn.Module | None, step: dict) -> torch.Tensor:
    """What a trained text encoder makes of the texts; of SDXL it is the first of two, and the other's part is the dump's."""
    known = step["text_embeddings"]
    if text_encoder is None:
        return known
    ids, is_xl = step["input_ids"], "pooled_text_embeddings" in step
    if isinstance(text_encoder, BertModel):
        return text_encoder(ids, attention_mask=ids.ne(text_encoder.config.pad_token_id)).last_hidden_state
    if not is_xl:
        return text_encoder(ids).last_hidden_state
    own = text_encoder(ids, output_hidden_states=True).hidden_states[-2]
    return torch.cat([own, known[..., own.shape[-1]:]], -1)


def loss_of(unet: UNet2DConditionModel, text_encoder: torch.nn.Module | None, scheduler: DDPMScheduler, step: dict,
            min_snr_gamma: float) -> torch.Tensor:
    """As diffusers' examples/text_to_image/train_text_to_image.py and train_text_to_image_sdxl.py compute it."""
    noisy = scheduler.add_noise(step["latents"], step["noise"], step["timesteps"])
    added = None
    if "time_ids" in step:
        added = {"text_embeds": step["pooled_text_embeddings"], "time_ids": step["time_ids"]}
    prediction = unet(noisy, step["timesteps"], embeddings_of(text_encoder, step), added_cond_kwargs=added).sample
    kind = scheduler.config.prediction_type
    target = {"epsilon": lambda: step["noise"], "sample": lambda: step["latents"],
              "v_prediction": lambda: scheduler.get_velocity(step["latents"], step["noise"], step["timesteps"])}[kind]()
    if min_snr_gamma == 0:
        return torch.nn.functional.mse_loss(prediction, target)
    snr = compute_snr(scheduler, step["timesteps"])
    weight = snr.clamp(max=min_snr_gamma) / (snr + 1 if kind == "v_prediction" else snr)
    return ((prediction - target).square().mean((1, 2, 3)) * weight).mean()


def load_text_encoder(folder: pathlib.Path) -> torch.nn.Module:
    is_bert = "BertModel" in (folder / "config.json").read_text(encoding="utf-8")
    return (BertModel if is_bert else CLIPTextModel).from_pretrained(folder).train()


def differences(case: pathlib.Path, config: dict, spoil: bool) -> tuple[float, float]:
    """The largest relative differences of a loss and of a tensor's total update."""
    options, steps = config["optimizer"], config["max_steps"]
    end = case / f"run/checkpoints/step-{steps}"
    unet = UNet2DConditionModel.from_pretrained(case / "base/unet").train()
    text_encoder = load_text_encoder(case / "base/text_encoder") if config["train_text_encoder"] else None
    if config["gradient_checkpointing"]:
        unet.enable_gradient_checkpointing()
    scheduler = DDPMScheduler.from_config(DDPMScheduler.load_config(end / "scheduler"))
    parameters = [p for model in (unet, text_encoder) if model is not None for p in model.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=options["learning_rate"], eps=options["eps"],
                                  betas=(options["beta1"], options["beta2"]), weight_decay=options["weight_decay"])
    rate = get_scheduler(options["schedule"], optimizer, num_warmup_steps=0, num_training_steps=steps)
    worst_loss = 0.0
    for number in range(steps):
        step = read_step(case / "run/steps", number)
        if spoil and number == 0:
            step["noise"] = step["noise"].flip(0)
        loss = loss_of(unet, text_encoder, scheduler, step, config["min_snr_gamma"])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, options["max_grad_norm"])
        optimizer.step()
        rate.step()
        optimizer.zero_grad()
        worst_loss = max(worst_loss, abs(loss.item() - step["loss"].item()) / abs(loss.item()))
    worst = worst_update(unet, case / "base/unet", end / "unet", "diffusion_pytorch_model.safetensors")
    if text_encoder is not None:
        worst = max(worst, worst_update(text_encoder, case / "base/text_encoder", end / "text_encoder", "model.safetensors"))
    return worst_loss, worst


# A key's bias shifts all scores of a query alike: its gradient is zero but for rounding, which AdamW blows up.
WITHOUT_GRADIENT = ("k_proj.bias", "attention.self.key.bias")


def worst_update(model: torch.nn.Module, start: pathlib.Path, end: pathlib.Path, file: str) -> float:
    """The largest difference of a tensor's total update between the model and the folder `end`; infinite where only one of
    them left a tensor as it was."""
    worst = 0.0
    with safe_open(start / file, "pt") as before, safe_open(end / file, "pt") as ours:
        keys = {key.removeprefix("text_model."): key for key in before.keys()}
        for name, parameter in model.named_parameters():
            key = keys[name.removeprefix("text_model.")]
            old, new, reference = before.get_tensor(key), ours.get_tensor(key), parameter.detach()
            if name.endswith(WITHOUT_GRADIENT) or (torch.equal(reference, old) and torch.equal(new, old)):
                continue
            worst = max(worst, ((new - reference).norm() / (reference - old).norm()).item())
    return worst


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
    for split in ("train", "validation"):
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
