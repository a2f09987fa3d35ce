#!/usr/bin/env python3
"""Draws the requests of a folder with diffusers and compares with what medisyn drew.

usage: .venv-peers/bin/python scripts/parity_pipeline.py FOLDER

FOLDER holds model/ (a Stable Diffusion folder), requests.jsonl (text, negative, seed, scale, size, sampler, steps,
eta) and results.safetensors (latents.N, images.N for line N). Prints one line a request and exits with 1 when the
latents differ by more than 1e-3 relative to their largest value, or more than 0.1 % of the pixels by more than 1/255.
"""
import json
import pathlib
import sys

import torch
from diffusers import DDIMScheduler, PNDMScheduler, StableDiffusionPipeline
from safetensors.torch import load_file

SCHEDULERS = {"ddim": DDIMScheduler, "pndm": PNDMScheduler}
LATENT_TOLERANCE = 1e-3
PIXEL_SHARE = 0.999


def draw(pipeline: StableDiffusionPipeline, request: dict) -> torch.Tensor:
    width, height = map(int, request["size"].split("x"))
    result = pipeline(
        request["text"], negative_prompt=request["negative"], width=width, height=height,
        num_inference_steps=request["steps"], guidance_scale=request["scale"], eta=request["eta"],
        generator=torch.Generator("cpu").manual_seed(request["seed"]), output_type="latent")
    return result.images


def to_bytes(images: torch.Tensor) -> torch.Tensor:
    return ((images / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.int16)


def main() -> int:
    folder = pathlib.Path(sys.argv[1])
    pipeline = StableDiffusionPipeline.from_pretrained(folder / "model")
    pipeline.set_progress_bar_config(disable=True)
    scheduler_config = pipeline.scheduler.config
    results = load_file(folder / "results.safetensors")
    failed = 0
    lines = (folder / "requests.jsonl").read_text(encoding="utf-8").splitlines()
    with torch.no_grad():
        for i, line in enumerate(lines):
            request = json.loads(line)
            pipeline.scheduler = SCHEDULERS[request["sampler"]].from_config(scheduler_config)
            latents = draw(pipeline, request)
            images = pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor).sample
            difference = (results[f"latents.{i}"] - latents).abs().max() / latents.abs().max()
            near = (to_bytes(results[f"images.{i}"]) - to_bytes(images)).abs() <= 1
            share = near.float().mean()
            passed = difference <= LATENT_TOLERANCE and share >= PIXEL_SHARE
            failed += not passed
            print(f"{request['sampler']} {request['steps']} steps, scale {request['scale']}, eta {request['eta']}, "
                  f"{request['size']}: latents differ by {difference:.1e} (relative), {100 * share:.2f} % of the pixel "
                  f"values within 1/255: {'ok' if passed else 'FAILED'}")
    return 1 if failed or not lines else 0


if __name__ == "__main__":
    sys.exit(main())
