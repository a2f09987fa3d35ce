#!/usr/bin/env python3
"""Writes tests/golden/models.json: outputs and gradients of small networks of diffusers and transformers.

usage: models.py tests/golden      (in .venv-peers)

Weights and inputs are made by a formula that tests/models/golden_test.cpp repeats, so that only numbers are kept: every
output value, and for each parameter the gradient's L2 norm and its product with a fixed wave.
"""
import json
import math
import pathlib
import sys

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel


def wave(shape: tuple[int, ...], phase: float) -> torch.Tensor:
    count = math.prod(shape)
    return torch.sin(torch.arange(count, dtype=torch.float64) * 0.37 + phase).reshape(shape).float()


def fill(model: torch.nn.Module) -> None:
    """Deterministic weights, of the size that keeps activations near 1."""
    with torch.no_grad():
        for index, (name, parameter) in enumerate(sorted(model.named_parameters())):
            shape = tuple(parameter.shape)
            if len(shape) > 1:
                fan_in = math.prod(shape[1:])
                parameter.copy_(wave(shape, 1.3 * index) * (1.2 / math.sqrt(fan_in)))
            else:
                parameter.copy_(wave(shape, 1.3 * index) * 0.1 + (1.0 if name.endswith("weight") else 0.0))


def gradients(model: torch.nn.Module, loss: torch.Tensor) -> dict[str, list[float]]:
    model.zero_grad()
    loss.backward()
    result = {}
    for name, parameter in sorted(model.named_parameters()):
        gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        result[name] = [gradient.norm().item(), (gradient * wave(tuple(gradient.shape), 0.5)).sum().item()]
    return result


def case(model: torch.nn.Module, output: torch.Tensor) -> dict:
    loss = (output * wave(tuple(output.shape), 0.2)).sum()
    return {"shape": list(output.shape), "output": [round(v, 8) for v in output.detach().flatten().tolist()],
            "gradients": gradients(model, loss)}


UNETS = {
    "sd1": dict(sample_size=8, in_channels=2, out_channels=2, block_out_channels=[8, 16], layers_per_block=1,
                down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"], up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"],
                attention_head_dim=2, cross_attention_dim=12, norm_num_groups=4),
    "sd2": dict(sample_size=8, in_channels=2, out_channels=2, block_out_channels=[8, 16], layers_per_block=2,
                down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"], up_block_types=["CrossAttnUpBlock2D", "UpBlock2D"],
                attention_head_dim=[2, 4], cross_attention_dim=12, norm_num_groups=4, use_linear_projection=True),
}
VAE = dict(block_out_channels=[8, 8, 12], latent_channels=2, norm_num_groups=4, layers_per_block=1, sample_size=16,
           down_block_types=["DownEncoderBlock2D"] * 3, up_block_types=["UpDecoderBlock2D"] * 3)
TEXT = dict(vocab_size=50, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
            max_position_embeddings=9, eos_token_id=49, bos_token_id=48, pad_token_id=49)


def main() -> None:
    golden = {}
    for name, config in UNETS.items():
        unet = UNet2DConditionModel(**config)
        fill(unet)
        output = unet(wave((2, 2, 8, 8), 0.1), torch.tensor([3, 700]), wave((2, 5, 12), 0.7)).sample
        golden["unet_" + name] = {"config": config, **case(unet, output)}
    vae = AutoencoderKL(**VAE)
    fill(vae)
    golden["vae_encode"] = {"config": VAE, **case(vae, vae.encode(wave((2, 3, 16, 16), 0.3)).latent_dist.parameters)}
    golden["vae_decode"] = {"config": VAE, **case(vae, vae.decode(wave((2, 2, 4, 4), 0.4)).sample)}
    for activation in ["quick_gelu", "gelu"]:
        config = {**TEXT, "hidden_act": activation}
        text = CLIPTextModel(CLIPTextConfig(**config))
        fill(text)
        ids = torch.tensor([[48, 3, 7, 11, 49, 49, 49, 49, 49], [48, 20, 21, 22, 23, 24, 25, 26, 49]])
        golden["text_" + activation] = {"config": config, **case(text, text(ids).last_hidden_state)}
    path = pathlib.Path(sys.argv[1]) / "models.json"
    path.write_text(json.dumps(golden, separators=(",", ":")).replace('},"', '},\n"') + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
