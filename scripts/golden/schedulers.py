#!/usr/bin/env python3
"""Writes tests/golden/schedulers.json: timesteps and whole trajectories of diffusers' schedulers, their defaults, and
what their from_config() makes of another scheduler's file.

The denoiser is a formula (see model()), the same in tests/diffusion/golden_test.cpp.

usage: schedulers.py tests/golden      (in .venv-peers)
"""
import inspect
import itertools
import json
import pathlib
import sys
import tempfile

import torch
from diffusers import (DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler,
                       EulerDiscreteScheduler, PNDMScheduler)
from diffusers.schedulers import scheduling_ddpm, scheduling_euler_ancestral_discrete

CLASSES = {one.__name__: one for one in [PNDMScheduler, DDPMScheduler, DDIMScheduler, EulerDiscreteScheduler,
                                         EulerAncestralDiscreteScheduler, DPMSolverMultistepScheduler]}
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
PREDICTIONS, SPACINGS = ("epsilon", "v_prediction", "sample"), ("leading", "trailing", "linspace")


def every(short: str, class_name: str, extra: dict = {}, predictions: tuple = PREDICTIONS,
          spacings: tuple = SPACINGS) -> list[tuple]:
    """A case of each prediction type and spacing."""
    return [(f"{short}_{prediction}_{spacing}", class_name,
             SD | extra | {"prediction_type": prediction, "timestep_spacing": spacing}, 7, 0)
            for prediction, spacing in itertools.product(predictions, spacings)]


EULER, EULER_A, DPM = "EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "DPMSolverMultistepScheduler"
V = {"prediction_type": "v_prediction"}
ZERO_SNR = V | {"timestep_spacing": "trailing", "rescale_betas_zero_snr": True}
KARRAS = {"use_karras_sigmas": True}
CASES += every("ddpm", "DDPMScheduler", {"clip_sample": False})
CASES += every("euler", EULER) + every("euler_karras", EULER, KARRAS)
CASES += every("euler_a", EULER_A, predictions=PREDICTIONS[:2])
CASES += every("dpmpp", DPM) + every("dpmpp_karras", DPM, KARRAS, spacings=SPACINGS[:1])
CASES += [
    ("ddpm_default", "DDPMScheduler", {}, 10, 0),
    ("ddpm_log", "DDPMScheduler", SD | {"variance_type": "fixed_small_log", "clip_sample_range": 0.5}, 9, 0),
    # The last timestep is 1: the last step adds noise.
    ("ddpm_large", "DDPMScheduler", SD | {"variance_type": "fixed_large", "steps_offset": 1}, 9, 0),
    ("ddpm_alpha", "DDPMScheduler", SD | {"set_alpha_to_one": False}, 9, 0),
    ("ddpm_zero_snr", "DDPMScheduler", SD | ZERO_SNR, 9, 0),
    ("ddpm_1_step", "DDPMScheduler", SD, 1, 0),
    ("euler_default", EULER, {}, 12, 0),
    ("euler_sdxl", EULER, SD | {"timestep_spacing": "leading", "steps_offset": 1}, 12, 0),
    ("euler_sigma_min", EULER, SD | {"final_sigmas_type": "sigma_min"}, 9, 0),
    ("euler_range", EULER, SD | KARRAS | {"sigma_min": 0.05, "sigma_max": 9.0}, 9, 0),
    ("euler_cosine", EULER, {"beta_schedule": "squaredcos_cap_v2"}, 9, 0),
    ("euler_zero_snr", EULER, SD | ZERO_SNR, 9, 0),
    ("euler_1_step", EULER, SD, 1, 0),
    ("euler_1_step_karras", EULER, SD | KARRAS | {"timestep_spacing": "trailing"}, 1, 0),
    ("euler_400_train", EULER, {"num_train_timesteps": 400}, 9, 0),
    ("euler_a_default", EULER_A, {}, 12, 0),
    ("euler_a_offset", EULER_A, SD | {"timestep_spacing": "leading", "steps_offset": 1}, 12, 0),
    ("euler_a_zero_snr", EULER_A, SD | ZERO_SNR, 9, 0),
    ("euler_a_1_step", EULER_A, SD | {"timestep_spacing": "trailing"}, 1, 0),
    ("dpmpp_default", DPM, {}, 12, 0),
    ("dpmpp_20", DPM, SD | {"steps_offset": 1, "timestep_spacing": "leading"}, 20, 0),
    ("dpmpp_first_order", DPM, SD | {"solver_order": 1}, 9, 0),
    ("dpmpp_heun", DPM, SD | {"solver_type": "heun"}, 9, 0),
    ("dpmpp_sigma_min", DPM, SD | {"final_sigmas_type": "sigma_min"}, 9, 0),
    ("dpmpp_sigma_min_high", DPM, SD | {"final_sigmas_type": "sigma_min", "lower_order_final": False}, 9, 0),
    ("dpmpp_sigma_min_16", DPM, SD | {"final_sigmas_type": "sigma_min", "solver_type": "heun"}, 16, 0),
    ("dpmpp_euler_at_final", DPM, SD | {"final_sigmas_type": "sigma_min", "euler_at_final": True}, 16, 0),
    ("dpmpp_karras_sigma_min", DPM, SD | KARRAS | {"final_sigmas_type": "sigma_min"}, 16, 0),
    ("dpmpp_cosine", DPM, {"beta_schedule": "squaredcos_cap_v2"}, 9, 0),
    ("dpmpp_zero_snr", DPM, SD | ZERO_SNR, 9, 0),
    ("dpmpp_1_step", DPM, SD, 1, 0),
    ("dpmpp_2_steps", DPM, SD, 2, 0),
]
#: Files as published or alike, read by the samplers of every class.
FILES = [
    {"_class_name": "PNDMScheduler", "skip_prk_steps": True, "steps_offset": 1, "set_alpha_to_one": False,
     "clip_sample": False, "trained_betas": None} | SD,
    {"_class_name": "PNDMScheduler"} | SD,
    {"_class_name": "DDIMScheduler"} | SD | ZERO_SNR,
    {"_class_name": "DDPMScheduler", "variance_type": "fixed_large"},
    {"_class_name": EULER, "interpolation_type": "linear", "timestep_spacing": "leading", "use_karras_sigmas": True,
     "skip_prk_steps": True, "clip_sample": False, "sample_max_value": 1.0, "steps_offset": 1} | SD,
    {"_class_name": EULER, "timestep_type": "discrete", "sigma_min": 0.1, "final_sigmas_type": "sigma_min"} | SD | V,
    {"_class_name": EULER_A} | SD,
    {"_class_name": DPM, "solver_order": 1, "lower_order_final": False, "thresholding": False,
     "algorithm_type": "dpmsolver++"} | SD,
]
STEPS = [1, 2, 3, 4, 5, 6, 7, 9, 10, 13, 17, 20, 25, 29, 30, 37, 49, 50, 64, 75, 93, 100, 111, 128, 150, 199, 250, 333,
         499, 500, 501, 667, 750, 999]


def start() -> torch.Tensor:
    return torch.tensor([-2.0, -1.1, -0.5, -0.1, 0.2, 0.7, 1.3, 2.4])


def model(x: torch.Tensor, t: float) -> torch.Tensor:
    return 0.4 * x + 0.2 * torch.sin(2 * x + t / 100)


def digits(x: torch.Tensor) -> list[float]:
    """As many as tell one float from the next; whole numbers stay whole."""
    return [json.loads(f"{value:.9g}") for value in x.tolist()]


def noise(i: int) -> torch.Tensor:
    return torch.cos(torch.arange(8, dtype=torch.float32) + 3 * i)


def trajectory(name: str, class_name: str, config: dict, steps: int, eta: float) -> dict:
    scheduler = CLASSES[class_name].from_config(config)
    scheduler.set_timesteps(steps)
    draws = itertools.count()
    for module in (scheduling_ddpm, scheduling_euler_ancestral_discrete):
        module.randn_tensor = lambda *_, **__: noise(next(draws))
    x = start()[None] * scheduler.init_noise_sigma
    for i, t in enumerate(scheduler.timesteps.tolist()):
        extra = {"eta": eta, "variance_noise": noise(i)} if class_name == "DDIMScheduler" else {}
        x = scheduler.step(model(scheduler.scale_model_input(x, t), t), t, x, **extra).prev_sample
    alphas = scheduler.alphas_cumprod
    return {"name": name, "config": {"_class_name": class_name} | config, "steps": steps, "eta": eta,
            "timesteps": digits(scheduler.timesteps), "x": digits(x[0]),
            "alphas_cumprod": digits(torch.cat([alphas[:: len(alphas) // 8], alphas[-1:]]))}


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


def init_defaults(one: type) -> dict:
    """Minus infinity as text: JSON knows none."""
    return {name: "-Infinity" if parameter.default == -float("inf") else parameter.default
            for name, parameter in inspect.signature(one.__init__).parameters.items() if name != "self"}


def read_by_all(file: dict) -> dict:
    """The file as a pipeline loads it, then from_config() of every class: the values of that class's own keys."""
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "scheduler_config.json").write_text(json.dumps(file))
        loaded = CLASSES[file["_class_name"]].from_pretrained(folder)
    rows = {}
    for name, one in CLASSES.items():
        config = one.from_config(loaded.config).config
        rows[name] = {key: config[key] for key, default in init_defaults(one).items()
                      if config[key] != default and key != "lambda_min_clipped"}
    return {"file": file, "differ_from_defaults": rows}


def main() -> None:
    lines = [json.dumps(trajectory(*case)) for case in CASES]
    spaced = [json.dumps(row) for row in spacings()]
    parts = {"trajectories": lines, "spacings": spaced,
             "from_config": [json.dumps(read_by_all(file)) for file in FILES],
             "defaults": [json.dumps({"class": name, "keys": init_defaults(one)}) for name, one in CLASSES.items()]}
    (pathlib.Path(sys.argv[1]) / "schedulers.json").write_text(
        "{" + ",".join(f'"{name}":[\n' + ",\n".join(rows) + "\n]" for name, rows in parts.items()) + "}\n")


if __name__ == "__main__":
    main()
