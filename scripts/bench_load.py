#!/usr/bin/env python3
"""Loading Stable Diffusion 1.4 at its full size from a warm disk cache: medisyn beside diffusers.

usage: scripts/bench_load.sh        (in .venv-peers: scripts/bench_load.py)

The folder holds random weights in fp16 (`medisyn model init`). Both programs load it in fp16 and touch every page of the
weights (mapped files would come from the disk later otherwise), five times each, in turns, each time in a process of its
own; neither start-up nor imports count. Prints the medians of time and peak memory (VmHWM less that before loading) and
their ratio. Both then add up all bytes, outside the measurement; exits with 1 when these sums differ.
"""
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

MEDISYN, RUNNER = "build/release/medisyn", "build/release/tests/pipeline/load_run"
MERGES = "quickstart/data/clip/bpe_simple_vocab_16e6.txt.gz"
ROUNDS = 5
PEER = """
import json, sys, time
import torch, diffusers, transformers
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer
def peak():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
def add_up(step):
    return sum(int(t.flatten().view(torch.uint8)[::step].sum()) for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder)
               for name, t in part.state_dict().items() if not name.endswith("position_ids"))
for library in (diffusers, transformers):
    library.utils.logging.set_verbosity_error()
    library.utils.logging.disable_progress_bar()
idle, start = peak(), time.perf_counter()
pipeline = StableDiffusionPipeline.from_pretrained(sys.argv[1], dtype=torch.float16)
add_up(4096)
seconds, most = time.perf_counter() - start, peak()
print(json.dumps({"seconds": seconds, "idle_bytes": idle, "peak_bytes": most, "checksum": add_up(1)}))
"""


def run(*command: object) -> dict:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> int:
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work) / "sd14"
        subprocess.run([MEDISYN, "model", "init", "--config", "models/sd14.yaml", "--tokenizer", MERGES, "--dtype", "fp16",
                        "--out", folder, "--quiet"], check=True)
        weights = sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
        runs = {"diffusers": [], "medisyn": []}
        for _ in range(ROUNDS):
            runs["diffusers"].append(run(sys.executable, "-c", PEER, folder))
            runs["medisyn"].append(run(RUNNER, folder, "fp16"))
    seconds = {name: statistics.median(r["seconds"] for r in all_) for name, all_ in runs.items()}
    peaks = {name: statistics.median(r["peak_bytes"] - r["idle_bytes"] for r in all_) for name, all_ in runs.items()}
    for name in runs:
        print(f"{name:10} {seconds[name]:6.2f} s   peak {peaks[name] / 1e9:5.2f} GB = {peaks[name] / weights:.2f} of the weights")
    print(f"medisyn takes {seconds['medisyn'] / seconds['diffusers']:.2f} of diffusers' time and "
          f"{peaks['medisyn'] / peaks['diffusers']:.2f} of its memory")
    same = len({r["checksum"] for all_ in runs.values() for r in all_}) == 1
    print("both read the same weights" if same else "FAILED: the weights differ")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
