#!/usr/bin/env python3
"""One picture of Stable Diffusion 1.4 at its full size, drawn by `medisyn generate` and by diffusers, on the CPU in fp32.

usage: .venv-peers/bin/python scripts/parity_generate.py

The folder holds random weights (`medisyn model init`). Same prompt, seed, sampler (the model's own PNDM), 20 steps, scale
7.5, 512x512. Prints the differences and exits with 1 when the latents differ by more than 1e-3 relative to their largest
value, or more than 0.1 % of the PNG's values by more than 1 of 255. About five minutes on two cores.
"""
import pathlib
import subprocess
import sys
import tempfile
import time

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image
from safetensors.torch import load_file
from torchvision.transforms.functional import pil_to_tensor

MEDISYN = "build/release/medisyn"
MERGES = "quickstart/data/clip/bpe_simple_vocab_16e6.txt.gz"
PROMPT, SEED, STEPS, SCALE = "Dermoscopy image showing melanoma", 11, 20, 7.5
LATENT_TOLERANCE, PIXEL_SHARE = 1e-3, 0.999


def main() -> int:
    with tempfile.TemporaryDirectory() as work:
        model, out = pathlib.Path(work) / "sd14", pathlib.Path(work) / "out"
        subprocess.run([MEDISYN, "model", "init", "--config", "models/sd14.yaml", "--tokenizer", MERGES, "--out", model,
                        "--quiet"], check=True)
        started = time.perf_counter()
        subprocess.run([MEDISYN, "generate", "--model", model, "--prompt", PROMPT, "--seed", str(SEED), "--steps",
                        str(STEPS), "--scale", str(SCALE), "--device", "cpu", "--save-latents", "--out", out], check=True)
        ours_seconds = time.perf_counter() - started
        latents = load_file(out / "latents.safetensors")["latents"]
        picture = pil_to_tensor(Image.open(out / "00000.png").convert("RGB"))
        pipeline = StableDiffusionPipeline.from_pretrained(model)
        started = time.perf_counter()
        with torch.no_grad():
            expected = pipeline(PROMPT, num_inference_steps=STEPS, guidance_scale=SCALE, output_type="latent",
                                generator=torch.Generator("cpu").manual_seed(SEED)).images
            image = pipeline.vae.decode(expected / pipeline.vae.config.scaling_factor).sample
        seconds = time.perf_counter() - started
    pixels = ((image[0] / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.int16)
    difference = ((latents - expected).abs().max() / expected.abs().max()).item()
    share = ((picture.to(torch.int16) - pixels).abs() <= 1).float().mean().item()
    passed = difference <= LATENT_TOLERANCE and share >= PIXEL_SHARE
    print(f"SD 1.4, {STEPS} PNDM steps, 512x512, fp32: latents differ by {difference:.1e} (relative), {100 * share:.2f} % "
          f"of the PNG's values within 1/255; diffusers {seconds:.0f} s, medisyn {ours_seconds:.0f} s with start and "
          f"loading: {'ok' if passed else 'FAILED'}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
