#!/usr/bin/env python3
"""Writes tests/golden/{models,clip_text,clip_vision,sdxl,biomedclip,classifiers}.json: outputs and gradients of small networks of the reference libraries.

usage: models.py tests/golden      (in .venv-peers)

Weights and inputs are made by a formula that tests/models/golden.h repeats, so that only numbers are kept: every
output value, and for each parameter the gradient's L2 norm and its product with a fixed wave.
"""
import json
import math
import pathlib
import sys
from unittest import mock

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from open_clip.hf_model import HFTextEncoder
from pytorch_fid.inception import fid_inception_v3
from timm.models.vision_transformer import VisionTransformer
from torchvision.models import resnet50
from transformers import (BertConfig, BertModel, CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel,
                          CLIPTextModelWithProjection)


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
        result[name.removeprefix("text_model.")] = [gradient.norm().item(), (gradient * wave(tuple(gradient.shape), 0.5)).sum().item()]
    return result


def rounded(output: torch.Tensor) -> list[float]:
    return [round(v, 8) for v in output.detach().flatten().tolist()]


def case(model: torch.nn.Module, output: torch.Tensor) -> dict:
    loss = (output * wave(tuple(output.shape), 0.2)).sum()
    return {"shape": list(output.shape), "output": rounded(output), "gradients": gradients(model, loss)}


UNETS = {
    "sd1": dict(sample_size=8, in_channels=2, out_channels=2, block_out_channels=[8, 16], layers_per_block=1,
                down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"], up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"],
                attention_head_dim=2, cross_attention_dim=12, norm_num_groups=4),
    "sd2": dict(sample_size=8, in_channels=2, out_channels=2, block_out_channels=[8, 16], layers_per_block=2,
                down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"], up_block_types=["CrossAttnUpBlock2D", "UpBlock2D"],
                attention_head_dim=[2, 4], cross_attention_dim=12, norm_num_groups=4, use_linear_projection=True),
}
SDXL = dict(sample_size=8, in_channels=2, out_channels=2, block_out_channels=[8, 16], layers_per_block=1,
            down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"], up_block_types=["CrossAttnUpBlock2D", "UpBlock2D"],
            attention_head_dim=[2, 4], cross_attention_dim=12, norm_num_groups=4, use_linear_projection=True,
            transformer_layers_per_block=[1, 2], addition_embed_type="text_time", addition_time_embed_dim=4,
            projection_class_embeddings_input_dim=34, upcast_attention=None)
VAE = dict(block_out_channels=[8, 8, 12], latent_channels=2, norm_num_groups=4, layers_per_block=1, sample_size=16,
           down_block_types=["DownEncoderBlock2D"] * 3, up_block_types=["UpDecoderBlock2D"] * 3)
TEXT = dict(vocab_size=50, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
            max_position_embeddings=9, eos_token_id=49, bos_token_id=48, pad_token_id=49)
BERT = dict(vocab_size=50, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
            max_position_embeddings=12, pad_token_id=0)
VIT = dict(img_size=32, patch_size=16, embed_dim=16, depth=2, num_heads=2)
CLIP_VISION = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=32,
                   patch_size=16)
IDS = torch.tensor([[48, 3, 7, 11, 49, 49, 49, 49, 49], [48, 20, 21, 22, 23, 24, 25, 26, 49]])
PADDED_IDS = torch.tensor([[2, 3, 7, 11, 4, 0, 0, 0], [2, 20, 21, 22, 23, 24, 25, 4]])


def fid_model() -> torch.nn.Module:
    """pytorch-fid's Inception without the weights that it downloads."""
    with mock.patch("pytorch_fid.inception.load_state_dict_from_url"), \
         mock.patch.object(torch.nn.Module, "load_state_dict"):
        return fid_inception_v3()


def unet_case(config: dict, added: dict[str, torch.Tensor] | None = None) -> dict:
    """In fp64: in fp32 attention's rounding alone moves the gradients of so small a network by 1e-3. And the output in fp32."""
    unet = UNet2DConditionModel(**config)
    fill(unet)

    def output(dtype: torch.dtype) -> torch.Tensor:
        conditions = {name: value.to(dtype) for name, value in added.items()} if added else None
        return unet.to(dtype)(wave((2, 2, 8, 8), 0.1).to(dtype), torch.tensor([3, 700]), wave((2, 5, 12), 0.7).to(dtype),
                              added_cond_kwargs=conditions).sample

    return {"config": config, "output_fp32": rounded(output(torch.float32)), **case(unet, output(torch.float64))}


def sdxl() -> dict:
    return unet_case(SDXL, {"text_embeds": wave((2, 10), 0.9),
                            "time_ids": torch.tensor([[64.0, 48, 0, 4, 64, 64], [32, 32, 2, 0, 48, 64]])})


def text_with_projection() -> dict:
    config = {**TEXT, "hidden_act": "gelu", "projection_dim": 6}
    text = CLIPTextModelWithProjection(CLIPTextConfig(**config))
    fill(text)
    output = text(IDS, output_hidden_states=True)
    return {"config": config,
            **case(text, torch.cat([output.text_embeds.flatten(), output.hidden_states[-2].flatten()]))}


def clip_vision(activation: str) -> dict:
    """CLIPModel.get_image_features; the text tower is left out of weights and gradients."""
    config = {**CLIP_VISION, "hidden_act": activation, "projection_dim": 6}
    model = CLIPModel(CLIPConfig(vision_config=config, text_config=TEXT, projection_dim=6)).eval()
    for part in ("text_model", "text_projection", "logit_scale"):
        delattr(model, part)
    fill(model)
    return {"config": config, **case(model, model.get_image_features(wave((2, 3, 32, 32), 0.3)).pooler_output)}


def bert(uses_mask: bool) -> dict:
    model = BertModel(BertConfig(**BERT)).eval()
    fill(model)
    mask = (PADDED_IDS != 0).long() if uses_mask else None
    return {"config": {**BERT, "use_attention_mask": uses_mask},
            **case(model, model(PADDED_IDS, attention_mask=mask).last_hidden_state)}


def biomedclip_text() -> dict:
    """open_clip's text tower: class token and projection."""
    model = HFTextEncoder("bert", 6, config=BertConfig(**BERT), pooler_type="cls_last_hidden_state_pooler",
                          proj_type="mlp", pretrained=False).eval()
    model.transformer.pooler = None
    fill(model)
    return {"config": BERT, **case(model, model(PADDED_IDS))}


def vit() -> dict:
    model = VisionTransformer(**VIT, num_classes=0).eval()
    fill(model)
    return {"config": VIT, **case(model, model(wave((2, 3, 32, 32), 0.3)))}


def classifier(model: torch.nn.Module, pixels: int) -> dict:
    """Whole networks that have one size only, on small images."""
    fill(model.eval())
    return case(model, model(wave((1, 3, pixels, pixels), 0.3)))


def stable_diffusion() -> dict:
    golden = {"unet_" + name: unet_case(config) for name, config in UNETS.items()}
    vae = AutoencoderKL(**VAE)
    fill(vae)
    golden["vae_encode"] = {"config": VAE, **case(vae, vae.encode(wave((2, 3, 16, 16), 0.3)).latent_dist.parameters)}
    golden["vae_decode"] = {"config": VAE, **case(vae, vae.decode(wave((2, 2, 4, 4), 0.4)).sample)}
    for activation in ["quick_gelu", "gelu"]:
        config = {**TEXT, "hidden_act": activation}
        text = CLIPTextModel(CLIPTextConfig(**config))
        fill(text)
        golden["text_" + activation] = {"config": config, **case(text, text(IDS).last_hidden_state)}
    return golden


def main() -> None:
    models = stable_diffusion()
    files = {
        "clip_text": {name: models.pop(name) for name in list(models) if name.startswith("text_")},
        "models": models,
        "clip_vision": {activation: clip_vision(activation) for activation in ("quick_gelu", "gelu")},
        "sdxl": {"unet": sdxl(), "text_with_projection": text_with_projection()},
        "biomedclip": {"bert": bert(False), "bert_masked": bert(True), "text": biomedclip_text(), "vit": vit()},
        "classifiers": {"resnet_50": classifier(resnet50(), 64), "inception_v3": classifier(fid_model(), 96)},
    }
    for name, golden in files.items():
        path = pathlib.Path(sys.argv[1]) / f"{name}.json"
        path.write_text(json.dumps(golden, separators=(",", ":")).replace('},"', '},\n"') + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
