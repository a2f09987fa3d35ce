#!/usr/bin/env python3
"""Text to image on a CPU with Stable Diffusion 1.4 at its full size, 512x512, guided: medisyn beside diffusers.

usage: scripts/bench_generate.sh        (in .venv-peers: scripts/bench_generate.py [fp32] [bf16])

The folder holds random weights in fp32 (`medisyn model init`), and one in bf16. Both programs draw the same image with
DDIM (same prompt, seed and noise) in turns, each time in a process of its own; neither start-up nor the first step counts.
Prints, for each dtype, the least time of a step and of the VAE's decoding, the peak memory (VmHWM less that before
loading) and the ratios. Diffusers gets the memory format that is faster for it: channels-last, but in fp32 for the VAE
alone (its U-Net takes 18.4 s of CPU a step as torch lays it out and 19.3 s channels-last).

The latents are compared first. Exits with 1 when in fp32 the norm of the difference exceeds 1e-3 of the reference's, or in
bf16 the error against the reference's fp32 latents exceeds twice the reference's own.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

from safetensors.torch import load_file

MEDISYN, RUNNER = "build/release/medisyn", "build/release/tests/pipeline/generate_run"
MERGES = "quickstart/data/clip/bpe_simple_vocab_16e6.txt.gz"
PROMPT, STEPS, SEED = "a colour photograph of the back of an eye", 4, 7
ROUNDS = 2
FP32_BOUND, BF16_BOUND = 1e-3, 2.0
PEER = """
import json, sys, time
import torch, diffusers, transformers
from diffusers import DDIMScheduler, StableDiffusionPipeline
from safetensors.torch import save_file
def peak():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
for library in (diffusers, transformers):
    library.utils.logging.set_verbosity_error()
    library.utils.logging.disable_progress_bar()
folder, dtype, prompt, steps, seed, out = sys.argv[1:]
torch.ones(1).add_(1)
idle = peak()
pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.bfloat16 if dtype == "bf16" else torch.float32)
pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
pipeline.set_progress_bar_config(disable=True)
pipeline.vae.to(memory_format=torch.channels_last)
if dtype == "bf16":
    pipeline.unet.to(memory_format=torch.channels_last)
seconds, last = [], time.perf_counter()
def lap():
    global last
    before, last = last, time.perf_counter()
    return last - before
def step(pipeline, index, timestep, values):
    seconds.append(lap())
    return values
with torch.inference_mode():
    noise = torch.randn((1, 4, 64, 64), generator=torch.Generator().manual_seed(int(seed)))  # bf16 draws other numbers
    latents = pipeline(prompt, num_inference_steps=int(steps), guidance_scale=7.5, output_type="latent",
                       latents=noise.to(pipeline.unet.dtype), callback_on_step_end=step).images
    lap()
    scaled = (latents / pipeline.vae.config.scaling_factor).contiguous(memory_format=torch.channels_last)
    pipeline.vae.decode(scaled)
decode = lap()
print(json.dumps({"step_seconds": seconds, "decode_seconds": decode, "idle_bytes": idle, "peak_bytes": peak()}))
save_file({"latents": latents.float().contiguous()}, out)
"""


def run(out: pathlib.Path, *command: object) -> dict:
    done = subprocess.run([str(word) for word in (*command, PROMPT, STEPS, SEED, out)], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]}: {done.stderr.strip()[-500:]}")
    return {**json.loads(done.stdout.splitlines()[-1]), "latents": load_file(out)["latents"]}


def measure(dtype: str, work: pathlib.Path) -> dict[str, list[dict]]:
    folder = work / dtype
    subprocess.run([MEDISYN, "model", "init", "--config", "models/sd14.yaml", "--tokenizer", MERGES, "--dtype", dtype,
                    "--out", folder, "--quiet"], check=True)
    runs = {"diffusers": [], "medisyn": []}
    for _ in range(ROUNDS):
        runs["diffusers"].append(run(work / "out", sys.executable, "-c", PEER, folder, dtype))
        runs["medisyn"].append(run(work / "out", RUNNER, folder, dtype))
    return runs


def table(dtype: str, runs: dict[str, list[dict]]) -> None:
    figures = {name: (min(s for r in all_ for s in r["step_seconds"][1:]), min(r["decode_seconds"] for r in all_),
                      max(r["peak_bytes"] - r["idle_bytes"] for r in all_) / 1e9) for name, all_ in runs.items()}
    for name, (step, decode, peak) in figures.items():
        print(f"{dtype} {name:10} {step:6.2f} s a step   {decode:6.2f} s to decode   peak {peak:5.2f} GB")
    step, decode, peak = (a / b for a, b in zip(figures["medisyn"], figures["diffusers"]))
    print(f"{dtype} medisyn takes {step:.2f} of diffusers' time for a step, {decode:.2f} for the VAE, {peak:.2f} of its memory",
          flush=True)


def difference(runs: dict[str, list[dict]], name: str, reference: dict) -> float:
    """The largest of a program's runs, relative to the reference."""
    expected = reference["latents"]
    return max(((r["latents"] - expected).norm() / expected.norm()).item() for r in runs[name])


def check(dtype: str, runs: dict[str, list[dict]], reference: dict) -> bool:
    error = difference(runs, "medisyn", reference)
    bound = FP32_BOUND if dtype == "fp32" else BF16_BOUND * difference(runs, "diffusers", reference)
    is_good = error <= bound
    print(f"{dtype} latents: {error:.1e} off the reference's fp32, at most {bound:.1e} allowed"
          + ("" if is_good else ": FAILED"))
    return is_good


def main() -> int:
    wanted = sys.argv[1:] or ["fp32", "bf16"]
    with tempfile.TemporaryDirectory() as work_name:
        work = pathlib.Path(work_name)
        fp32 = measure("fp32", work)
        reference = fp32["diffusers"][0]
        for dtype in wanted:
            runs = fp32 if dtype == "fp32" else measure(dtype, work)
            if not check(dtype, runs, reference):
                return 1
            table(dtype, runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
