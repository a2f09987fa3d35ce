#!/usr/bin/env python3
"""Writes tests/golden/schedulers.json: timesteps and whole trajectories of diffusers' schedulers.

The denoiser is a formula (see model()), the same in tests/diffusion/golden_test.cpp.

usage: schedulers.py tests/golden      (in .venv-peers)
"""
import json
import pathlib
import sys

import torch
from diffusers import DDIMScheduler, PNDMScheduler

CLASSES = {"DDIMScheduler": DDIMScheduler, "PNDMScheduler": PNDMScheduler}
SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
#: (name, class, config, steps, eta)
CASES = [
    ("sd14", "PNDMScheduler", SD | {"skip_prk_steps": True, "steps_offset": 1, "set_alpha_to_one": False}, 50, 0),
    ("sd14_20", "PNDMScheduler", SD | {"skip_prk_steps": True, "steps_offset": 1}, 20, 0),
    ("pndm_1_step", "PNDMScheduler", SD | {"skip_prk_steps": True, "steps_offset": 1}, 1, 0),
    ("pndm_2_steps", "PNDMScheduler", SD | {"skip_prk_steps": True, "steps_offset": 1}, 2, 0),
    ("pndm_3_steps", "PNDMScheduler", SD | {"skip_prk_steps": True}, 3, 0),
    ("pndm_v", "PNDMScheduler", SD | {"skip_prk_steps": True, "prediction_type": "v_prediction"}, 13, 0),
    ("pndm_alpha_one", "PNDMScheduler", SD | {"skip_prk_steps": True, "set_alpha_to_one": True}, 7, 0),
    ("pndm_linspace", "PNDMScheduler", SD | {"skip_prk_steps": True, "timestep_spacing": "linspace"}, 10, 0),
    ("pndm_trailing", "PNDMScheduler", SD | {"skip_prk_steps": True, "timestep_spacing": "trailing"}, 7, 0),
    ("pndm_prk", "PNDMScheduler", {}, 10, 0),
    ("pndm_prk_v", "PNDMScheduler", SD | {"prediction_type": "v_prediction"}, 20, 0),
    ("pndm_prk_4", "PNDMScheduler", {"steps_offset": 1}, 4, 0),
    ("ddim", "DDIMScheduler", SD | {"clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}, 50, 0),
    ("ddim_default", "DDIMScheduler", {}, 10, 0),
    ("ddim_clip_range", "DDIMScheduler", {"clip_sample_range": 0.5}, 10, 0.3),
    ("ddim_eta", "DDIMScheduler", SD | {"clip_sample": False}, 20, 1.0),
    ("ddim_v", "DDIMScheduler", SD | {"clip_sample": False, "prediction_type": "v_prediction"}, 15, 0.5),
    ("ddim_sample", "DDIMScheduler", SD | {"prediction_type": "sample"}, 15, 0.5),
    ("ddim_linspace", "DDIMScheduler", SD | {"clip_sample": False, "timestep_spacing": "linspace"}, 9, 0),
    ("ddim_zero_snr", "DDIMScheduler", SD | {"clip_sample": False, "prediction_type": "v_prediction",
     "timestep_spacing": "trailing", "rescale_betas_zero_snr": True}, 12, 0),
    ("ddim_cosine", "DDIMScheduler", {"beta_schedule": "squaredcos_cap_v2", "clip_sample": False}, 12, 0),
    ("ddim_1_step", "DDIMScheduler", SD | {"clip_sample": False}, 1, 0),
    ("ddim_400_train", "DDIMScheduler", {"num_train_timesteps": 400}, 30, 0),
]
STEPS = [1, 2, 3, 4, 5, 6, 7, 9, 10, 13, 17, 20, 25, 29, 30, 37, 49, 50, 64, 75, 93, 100, 111, 128, 150, 199, 250, 333,
         499, 500, 501, 667, 750, 999]


def start() -> torch.Tensor:
    return torch.tensor([-2.0, -1.1, -0.5, -0.1, 0.2, 0.7, 1.3, 2.4])


def model(x: torch.Tensor, t: int) -> torch.Tensor:
    return 0.4 * x + 0.2 * torch.sin(2 * x + t / 100)


def noise(i: int) -> torch.Tensor:
    return torch.cos(torch.arange(8, dtype=torch.float32) + 3 * i)


def trajectory(name: str, class_name: str, config: dict, steps: int, eta: float) -> dict:
    scheduler = CLASSES[class_name](**config)
    scheduler.set_timesteps(steps)
    x, path = start(), []
    for i, t in enumerate(scheduler.timesteps.tolist()):
        extra = {"eta": eta, "variance_noise": noise(i)} if class_name == "DDIMScheduler" else {}
        x = scheduler.step(model(x, t), t, x, **extra).prev_sample
        path.append(x)
    alphas = scheduler.alphas_cumprod
    return {"name": name, "config": {"_class_name": class_name} | config, "steps": steps, "eta": eta,
            "timesteps": scheduler.timesteps.tolist(), "x": x.tolist(), "halfway": path[len(path) // 2].tolist(),
            "alphas_cumprod": alphas[:: len(alphas) // 8].tolist() + [alphas[-1].item()]}


def spacings() -> list[dict]:
    rows = []
    for spacing in ["leading", "trailing", "linspace"]:
        for steps in STEPS:
            scheduler = DDIMScheduler(timestep_spacing=spacing)
            scheduler.set_timesteps(steps)
            # For some counts (499, say) rounding gives numpy's arange one more entry, timestep -1, where there is none.
            t = scheduler.timesteps[scheduler.timesteps >= 0]
            # The sum of i * t_i notices any single change; the whole list would be large.
            rows.append({"spacing": spacing, "steps": steps, "first": t[0].item(), "last": t[-1].item(),
                         "sum": t.sum().item(), "weighted": (t * torch.arange(len(t))).sum().item(), "count": len(t)})
    return rows


def main() -> None:
    lines = [json.dumps(trajectory(*case)) for case in CASES]
    spaced = [json.dumps(row) for row in spacings()]
    (pathlib.Path(sys.argv[1]) / "schedulers.json").write_text(
        '{"trajectories":[\n' + ",\n".join(lines) + '\n],"spacings":[\n' + ",\n".join(spaced) + "\n]}\n")


if __name__ == "__main__":
    main()
