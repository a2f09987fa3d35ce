#!/usr/bin/env python3
"""Draws the requests of a folder with diffusers and compares with what medisyn drew.

usage: .venv-peers/bin/python scripts/parity_pipeline.py FOLDER

FOLDER holds folders of pipelines, requests.jsonl (model: which of them; text, negative, seed, scale, guidance_rescale,
size, sampler, steps, eta, tiled: whether the VAE decodes in tiles), schedulers/N (the scheduler's config for line N) and
results.safetensors (latents.N, images.N). Prints one line a request and exits with 1 when the latents differ by more
than 1e-3 relative to their largest value, or more than 0.1 % of the pixels by more than 1/255.
"""
import json
import pathlib
import sys

import diffusers
import torch
from diffusers import (DDIMScheduler, DDPMScheduler, DiffusionPipeline, DPMSolverMultistepScheduler,
                       EulerAncestralDiscreteScheduler, EulerDiscreteScheduler, PNDMScheduler)
from safetensors.torch import load_file

SCHEDULERS = {"pndm": PNDMScheduler, "ddpm": DDPMScheduler, "ddim": DDIMScheduler, "euler": EulerDiscreteScheduler,
              "euler_a": EulerAncestralDiscreteScheduler, "dpmpp_2m": DPMSolverMultistepScheduler}
LATENT_TOLERANCE = 1e-3
PIXEL_SHARE = 0.999


def scheduler_of(folder: pathlib.Path, sampler: str) -> diffusers.SchedulerMixin:
    """As a pipeline loads the folder and its user then changes the scheduler's class."""
    own = json.loads((folder / "scheduler_config.json").read_text(encoding="utf-8"))["_class_name"]
    return SCHEDULERS[sampler].from_config(getattr(diffusers, own).from_pretrained(folder).config)


def draw(pipeline: DiffusionPipeline, request: dict) -> torch.Tensor:
    width, height = map(int, request["size"].split("x"))
    result = pipeline(
        request["text"], negative_prompt=request["negative"], width=width, height=height,
        num_inference_steps=request["steps"], guidance_scale=request["scale"], eta=request["eta"],
        guidance_rescale=request["guidance_rescale"],
        generator=torch.Generator("cpu").manual_seed(request["seed"]), output_type="latent")
    return result.images


def to_bytes(images: torch.Tensor) -> torch.Tensor:
    return ((images / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.int16)


def main() -> int:
    folder = pathlib.Path(sys.argv[1])
    pipelines: dict[str, DiffusionPipeline] = {}
    results = load_file(folder / "results.safetensors")
    failed = 0
    lines = (folder / "requests.jsonl").read_text(encoding="utf-8").splitlines()
    with torch.no_grad():
        for i, line in enumerate(lines):
            request = json.loads(line)
            name = request["model"]
            if name not in pipelines:
                pipelines[name] = DiffusionPipeline.from_pretrained(folder / name)
                pipelines[name].set_progress_bar_config(disable=True)
            pipeline = pipelines[name]
            pipeline.vae.use_tiling = request["tiled"]
            pipeline.scheduler = scheduler_of(folder / "schedulers" / str(i), request["sampler"])
            latents = draw(pipeline, request)
            images = pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor).sample
            difference = (results[f"latents.{i}"] - latents).abs().max() / latents.abs().max()
            near = (to_bytes(results[f"images.{i}"]) - to_bytes(images)).abs() <= 1
            share = near.float().mean()
            passed = difference <= LATENT_TOLERANCE and share >= PIXEL_SHARE
            failed += not passed
            print(f"{name}: {request['sampler']} {request['steps']} steps, scale {request['scale']}, eta {request['eta']}, "
                  f"rescale {request['guidance_rescale']}, {request['size']}{' in tiles' if request['tiled'] else ''}, {request['scheduler']}: latents differ "
                  f"by {difference:.1e} (relative), {100 * share:.2f} % of the pixel values within 1/255: "
                  f"{'ok' if passed else 'FAILED'}")
    return 1 if failed or not lines else 0


if __name__ == "__main__":
    sys.exit(main())
