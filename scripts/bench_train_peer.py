#!/usr/bin/env python3
"""Steps of diffusers' examples/text_to_image/train_text_to_image.py under accelerate, timed; for scripts/bench_train.py.

usage: bench_train_peer.py TASK      TASK: JSON of the keys that main() reads

Every step does what the example's does, with its defaults: the frozen VAE and text encoder in the training's dtype, a sample of
the posterior, noise, timesteps, U-Net, mean squared error, backward, clipping to norm 1, AdamW. Before training it computes
the loss of a step that `medisyn train --dump-steps` wrote. Prints one JSON object on the last line.
"""
import json
import pathlib
import sys
import time

import diffusers
import torch
import transformers
from accelerate import Accelerator
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from diffusers.optimization import get_scheduler
from PIL import Image
from safetensors.torch import load_file
from torch.nn.functional import mse_loss
from torchvision import transforms
from transformers import CLIPTextModel, CLIPTokenizer


class Pictures(torch.utils.data.Dataset):
    def __init__(self, folder: pathlib.Path, pixels: int, tokenizer: CLIPTokenizer):
        records = [json.loads(line) for line in (folder / "metadata.jsonl").read_text(encoding="utf-8").splitlines()]
        self.records = [record for record in records if record["split"] == "train"]
        self.folder, self.tokenizer = folder, tokenizer
        self.transform = transforms.Compose([
            transforms.Resize(pixels, transforms.InterpolationMode.LANCZOS), transforms.CenterCrop(pixels),
            transforms.ToTensor(), transforms.Normalize([0.5], [0.5])])

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> dict:
        record = self.records[index]
        ids = self.tokenizer(record["text"], padding="max_length", truncation=True, return_tensors="pt",
                             max_length=self.tokenizer.model_max_length).input_ids[0]
        return {"pixels": self.transform(Image.open(self.folder / record["file_name"]).convert("RGB")), "ids": ids}


def peak_bytes() -> int:
    status = pathlib.Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


class Training:
    def __init__(self, task: dict):
        base = pathlib.Path(task["base"])
        self.accelerator = Accelerator(cpu=True, mixed_precision="bf16" if task["dtype"] == "bf16" else "no")
        self.dtype = torch.bfloat16 if task["dtype"] == "bf16" else torch.float32
        self.scheduler = DDPMScheduler.from_config(DDPMScheduler.load_config(base / "scheduler"))
        tokenizer = CLIPTokenizer.from_pretrained(base / "tokenizer")
        text_encoder = CLIPTextModel.from_pretrained(base / "text_encoder", dtype=torch.float32)
        vae, unet = AutoencoderKL.from_pretrained(base / "vae"), UNet2DConditionModel.from_pretrained(base / "unet").train()
        vae.requires_grad_(False)
        text_encoder.requires_grad_(False)
        if task["gradient_checkpointing"]:
            unet.enable_gradient_checkpointing()
        optimizer = torch.optim.AdamW(unet.parameters(), lr=1e-4, betas=(0.9, 0.999), weight_decay=1e-2, eps=1e-8,
                                      fused=task["fused"] or None)
        loader = torch.utils.data.DataLoader(Pictures(pathlib.Path(task["data"]), task["pixels"], tokenizer), shuffle=True,
                                             batch_size=task["batch_size"])
        rate = get_scheduler("constant", optimizer=optimizer)
        self.unet, self.optimizer, self.loader, self.rate = self.accelerator.prepare(unet, optimizer, loader, rate)
        self.text_encoder, self.vae = text_encoder.to(self.dtype), vae.to(self.dtype)

    def loss(self, latents: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        noisy = self.scheduler.add_noise(latents, noise, timesteps)
        prediction = self.unet(noisy, timesteps, text, return_dict=False)[0]
        return mse_loss(prediction.float(), noise.float())

    def encode(self, batch: dict) -> tuple[torch.Tensor, ...]:
        latents = self.vae.encode(batch["pixels"].to(self.dtype)).latent_dist.sample() * self.vae.config.scaling_factor
        timesteps = torch.randint(0, self.scheduler.config.num_train_timesteps, (len(latents),))
        return latents, torch.randn_like(latents), timesteps, self.text_encoder(batch["ids"], return_dict=False)[0]

    def step(self, batch: dict) -> list[float]:
        """When the batch was encoded, when the gradients were there and when the weights were."""
        with self.accelerator.accumulate(self.unet):
            encoded = self.encode(batch)
            times = [time.perf_counter()]
            loss = self.loss(*encoded)
            self.accelerator.gather(loss.detach().repeat(len(batch["ids"]))).mean().item()
            self.accelerator.backward(loss)
            times.append(time.perf_counter())
            self.accelerator.clip_grad_norm_(self.unet.parameters(), 1.0)
            self.optimizer.step()
            self.rate.step()
            self.optimizer.zero_grad()
            times.append(time.perf_counter())
        return times

    def run(self, steps: int) -> list[list[float]]:
        """For each step, the seconds of reading and encoding, of forward and backward, and of the optimizer."""
        seconds: list[list[float]] = []
        last = time.perf_counter()
        while True:
            for batch in self.loader:
                times = [last, *self.step(batch)]
                seconds.append([after - before for before, after in zip(times, times[1:])])
                last = times[-1]
                if len(seconds) == steps:
                    return seconds


def main() -> int:
    task = json.loads(sys.argv[1])
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    torch.manual_seed(0)
    training = Training(task)
    step = load_file(task["step"])
    with torch.no_grad():
        loss = training.loss(step["latents"], step["noise"], step["timesteps"], step["text_embeddings"]).item()
    seconds = training.run(task["steps"])
    print(json.dumps({"loss": loss, "seconds": seconds, "peak_bytes": peak_bytes()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
