#!/usr/bin/env python3
"""Networks at the published sizes, medisyn beside the reference libraries: outputs, gradients, bf16 and times.

usage: .venv-peers/bin/python scripts/parity_models.py [NAME...]

The reference libraries make each network with random weights and save it; medisyn (the test program parity_run) reads
what they wrote and runs on the same inputs. Prints one table and exits with 1 when a bound is broken:

- output, fp32: largest difference at most 2e-5 of the largest value;
- gradients, fp32: for each parameter, the L2 norm of the difference at most 1e-4 of the gradient's norm (of the norm
  of its weight's gradient for the bias of attention keys, whose own is 0 but for rounding: softmax ignores it);
- bf16: the largest error against the reference's fp32 at most twice the reference's own.

Then the check itself is checked: with the text, the timestep or one layer left out, the output must differ.
"""
import dataclasses
import gc
import json
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from unittest import mock

import diffusers
import torch
import transformers
from diffusers import AutoencoderKL, UNet2DConditionModel
from open_clip.hf_model import HFTextEncoder
from pytorch_fid.inception import InceptionV3 as FidInception
from pytorch_fid.inception import fid_inception_v3
from safetensors import safe_open
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer
from torchvision.models import resnet50
from transformers import (BertConfig, BertModel, CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection,
                          CLIPVisionConfig, CLIPVisionModelWithProjection)

RUNNER = "build/release/tests/models/parity_run"
OUTPUT_BOUND, GRADIENT_BOUND, BF16_BOUND = 2e-5, 1e-4, 2.0
KEY_BIASES = (".k_proj.bias", ".key.bias")
SDXL_NEEDS_BYTES = 14e9  # its weights in fp32, and room to run

CLIP_L = dict(hidden_size=768, intermediate_size=3072, projection_dim=768, num_hidden_layers=12, num_attention_heads=12,
              hidden_act="quick_gelu", eos_token_id=49407, bos_token_id=49406)
BIG_G = dict(hidden_size=1280, intermediate_size=5120, projection_dim=1280, num_hidden_layers=32,
             num_attention_heads=20, hidden_act="gelu", eos_token_id=49407, bos_token_id=49406, pad_token_id=0)
CLIP_L_VISION = dict(hidden_size=1024, intermediate_size=4096, projection_dim=768, num_hidden_layers=24,
                     num_attention_heads=16, patch_size=14)
SD14_UNET = dict(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
SD14_VAE = dict(sample_size=512, block_out_channels=[128, 256, 512, 512], layers_per_block=2,
                down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4)
SDXL_UNET = dict(sample_size=128, down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
                 up_block_types=["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
                 block_out_channels=[320, 640, 1280], attention_head_dim=[5, 10, 20],
                 transformer_layers_per_block=[1, 2, 10], cross_attention_dim=2048, use_linear_projection=True,
                 addition_embed_type="text_time", addition_time_embed_dim=256,
                 projection_class_embeddings_input_dim=2816)


@dataclasses.dataclass
class Case:
    name: str
    task: str  # of parity_run
    make: Callable[[], torch.nn.Module]
    inputs: Callable[[], dict[str, torch.Tensor]]
    forward: Callable[[torch.nn.Module, dict[str, torch.Tensor]], torch.Tensor]
    save: Callable[[torch.nn.Module, pathlib.Path], pathlib.Path] = lambda model, folder: save_pretrained(model, folder)
    gradients: bool = True
    bf16: bool = True
    ablate_inputs: tuple[str, ...] = ()
    ablate_layer: str = ""


def save_pretrained(model: torch.nn.Module, folder: pathlib.Path) -> pathlib.Path:
    model.save_pretrained(folder, max_shard_size="100GB")
    return folder


def save_state(model: torch.nn.Module, folder: pathlib.Path) -> pathlib.Path:
    folder.mkdir()
    torch.save(model.state_dict(), folder / "weights.pth")
    return folder / "weights.pth"


class BiomedClip(torch.nn.Module):
    """open_clip's CustomTextCLIP with BiomedCLIP's two towers, which open_clip itself makes only with hub access."""

    def __init__(self) -> None:
        super().__init__()
        self.logit_scale = torch.nn.Parameter(torch.tensor(2.6592))
        self.visual = torch.nn.Module()
        self.visual.trunk = VisionTransformer(num_classes=0)
        self.visual.head = torch.nn.Module()
        self.visual.head.proj = torch.nn.Linear(768, 512, bias=False)
        self.text = HFTextEncoder("bert", output_dim=512, config=BertConfig(), pooler_type="cls_last_hidden_state_pooler",
                                  proj_type="mlp", pretrained=False)
        self.text.transformer.pooler = None  # open_clip makes none for this pooler_type


def save_biomedclip(model: torch.nn.Module, folder: pathlib.Path) -> pathlib.Path:
    folder.mkdir()
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": {
        "embed_dim": 512,
        "vision_cfg": {"timm_model_name": "vit_base_patch16_224", "timm_pool": "", "timm_proj": "linear", "image_size": 224},
        "text_cfg": {"hf_model_name": "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract", "hf_proj_type": "mlp",
                     "hf_pooler_type": "cls_last_hidden_state_pooler", "context_length": 256}}}), encoding="utf-8")
    return folder


def fid_model() -> torch.nn.Module:
    """pytorch-fid's Inception without the weights that it downloads."""
    with mock.patch("pytorch_fid.inception.load_state_dict_from_url"), \
         mock.patch.object(torch.nn.Module, "load_state_dict"):
        return fid_inception_v3()


def fid_features(model: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    with mock.patch("pytorch_fid.inception.fid_inception_v3", return_value=model):
        return FidInception([3], resize_input=False, normalize_input=False, requires_grad=True)(inputs["sample"])[0].flatten(1)


def unet_inputs(width: int, **more: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"sample": torch.randn(2, 4, 32, 32), "timestep": torch.tensor([17, 801]),
            "encoder_hidden_states": torch.randn(2, 77, width), **more}


def unet_forward(model: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    added = {key: inputs[key] for key in ("text_embeds", "time_ids") if key in inputs}
    return model(inputs["sample"], inputs["timestep"], inputs["encoder_hidden_states"],
                 added_cond_kwargs=added or None).sample


def ids(vocabulary: int, end: int) -> torch.Tensor:
    """Two texts, the second one padded."""
    tokens = torch.randint(1000, vocabulary - 2, (2, 77))
    tokens[0, 76] = end
    tokens[1, 20:] = end
    return tokens


def bert_ids() -> torch.Tensor:
    tokens = torch.randint(1000, 30000, (2, 77))
    tokens[1, 20:] = 0
    return tokens


def cases() -> list[Case]:
    layer = "up_blocks.1.attentions.0.transformer_blocks.0.attn2.to_out.0.weight"
    return [
        Case("SD 1.4 U-Net", "unet", lambda: UNet2DConditionModel(**SD14_UNET), lambda: unet_inputs(768), unet_forward,
             ablate_inputs=("encoder_hidden_states", "timestep"), ablate_layer=layer),
        Case("SD 1.4 VAE encode", "vae_encode", lambda: AutoencoderKL(**SD14_VAE),
             lambda: {"sample": torch.rand(1, 3, 256, 256) * 2 - 1}, lambda m, x: m.quant_conv(m.encoder(x["sample"])),
             ablate_layer="encoder.mid_block.attentions.0.to_v.weight"),
        Case("SD 1.4 VAE decode", "vae_decode", lambda: AutoencoderKL(**SD14_VAE),
             lambda: {"sample": torch.randn(1, 4, 32, 32)}, lambda m, x: m.decode(x["sample"]).sample,
             ablate_layer="decoder.mid_block.attentions.0.to_v.weight"),
        Case("CLIP ViT-L/14 text", "clip_text", lambda: CLIPTextModel(CLIPTextConfig(**CLIP_L)),
             lambda: {"input_ids": ids(49408, 49407)}, lambda m, x: m(x["input_ids"]).last_hidden_state,
             ablate_layer="text_model.encoder.layers.5.mlp.fc2.weight"),
        Case("bigG text, penultimate", "clip_text_penultimate",
             lambda: CLIPTextModelWithProjection(CLIPTextConfig(**BIG_G)), lambda: {"input_ids": ids(49408, 49407)},
             lambda m, x: m(x["input_ids"], output_hidden_states=True).hidden_states[-2],
             ablate_layer="text_model.encoder.layers.30.mlp.fc2.weight"),
        Case("bigG text, pooled", "clip_text_pooled", lambda: CLIPTextModelWithProjection(CLIPTextConfig(**BIG_G)),
             lambda: {"input_ids": ids(49408, 49407)}, lambda m, x: m(x["input_ids"]).text_embeds,
             ablate_layer="text_model.encoder.layers.31.mlp.fc2.weight"),
        Case("PubMedBERT", "bert", lambda: BertModel(BertConfig(use_attention_mask=True)), lambda: {"input_ids": bert_ids()},
             lambda m, x: m(x["input_ids"], attention_mask=x["input_ids"] != 0).last_hidden_state,
             ablate_layer="encoder.layer.5.output.dense.weight"),
        Case("BiomedCLIP images", "biomedclip_image", BiomedClip, lambda: {"sample": torch.randn(2, 3, 224, 224)},
             lambda m, x: m.visual.head.proj(m.visual.trunk(x["sample"])), save_biomedclip, bf16=False,
             ablate_layer="visual.trunk.blocks.5.mlp.fc2.weight"),
        Case("BiomedCLIP texts", "biomedclip_text", BiomedClip, lambda: {"input_ids": bert_ids()},
             lambda m, x: m.text(x["input_ids"]), save_biomedclip, bf16=False,
             ablate_layer="text.transformer.encoder.layer.5.output.dense.weight"),
        *(Case(f"CLIP ViT-{name} images", "clip_image", lambda config=config: CLIPVisionModelWithProjection(
            CLIPVisionConfig(**config)), lambda: {"sample": torch.randn(2, 3, 224, 224)},
               lambda m, x: m(x["sample"]).image_embeds, bf16=False,
               ablate_layer="vision_model.encoder.layers.5.mlp.fc2.weight")
          for name, config in (("B/32", {}), ("L/14", CLIP_L_VISION))),
        Case("Inception-v3 pool3", "inception", fid_model, lambda: {"sample": torch.rand(2, 3, 299, 299) * 2 - 1},
             fid_features, save_state, bf16=False, ablate_layer="Mixed_6c.branch7x7_2.conv.weight"),
        Case("ResNet-50 logits", "resnet_50", resnet50, lambda: {"sample": torch.randn(2, 3, 224, 224)},
             lambda m, x: m(x["sample"]), save_state, bf16=False, ablate_layer="layer3.2.conv2.weight"),
        sdxl_case(),
    ]


def sdxl_case() -> Case:
    """At full size its gradients alone would take 10 GB beside the weights: the output is compared."""
    config, width, name = dict(SDXL_UNET), 2048, "SDXL U-Net"
    available = next(int(line.split()[1]) * 1024 for line in open("/proc/meminfo", encoding="ascii") if "MemAvailable" in line)
    is_full = available >= SDXL_NEEDS_BYTES
    if not is_full:
        config["block_out_channels"] = [160, 320, 640]
        name += " at half width (memory)"
    layer = "up_blocks.0.attentions.0.transformer_blocks.9.attn2.to_out.0.weight"
    return Case(name, "unet", lambda: UNet2DConditionModel(**config),
                lambda: unet_inputs(width, text_embeds=torch.randn(2, 1280),
                                    time_ids=torch.tensor([[512.0, 768, 0, 4, 512, 512], [64, 64, 8, 0, 512, 512]])),
                unet_forward, gradients=not is_full, ablate_inputs=("encoder_hidden_states", "timestep", "text_embeds"),
                ablate_layer=layer)


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    return ((a.float() - b.float()).abs().max() / b.float().abs().max()).item()


def without_prefix(name: str) -> str:
    return name.removeprefix("text_model.")


def gradient_norm(gradients: dict[str, torch.Tensor], name: str) -> torch.Tensor:
    return gradients[name.removesuffix("bias") + "weight" if name.endswith(KEY_BIASES) else name].norm()


class Peer:
    """A reference network's answers; the network itself is freed."""

    def __init__(self, case: Case, folder: pathlib.Path) -> None:
        torch.manual_seed(1)
        model = case.make().eval()
        self.parameters = sum(p.numel() for p in model.parameters())
        self.inputs = case.inputs()
        self.weights = case.save(model, folder)
        with torch.no_grad():
            shape = case.forward(model, self.inputs).shape if case.gradients else None
        if case.gradients:
            self.inputs["cotangent"] = torch.randn(shape)
        started = time.perf_counter()
        with torch.set_grad_enabled(case.gradients):
            output = case.forward(model, self.inputs)
        if case.gradients:
            (output * self.inputs["cotangent"]).sum().backward()
        self.seconds = time.perf_counter() - started
        self.output = output.detach()
        self.gradients = {without_prefix(n): p.grad for n, p in model.named_parameters() if p.grad is not None}
        self.bf16 = None
        if case.bf16:
            model.zero_grad(set_to_none=True)
            half = {k: v.bfloat16() if v.is_floating_point() and k != "time_ids" else v for k, v in self.inputs.items()}
            with torch.no_grad():
                self.bf16 = case.forward(model.bfloat16(), half).float()


class Ours:
    def __init__(self, case: Case, weights: pathlib.Path, inputs: dict[str, torch.Tensor], work: pathlib.Path,
                 *options: str) -> None:
        self.file = work / "outputs.safetensors"
        save_file({k: v.contiguous() for k, v in inputs.items()}, work / "inputs.safetensors")
        done = subprocess.run([RUNNER, case.task, weights, work / "inputs.safetensors", self.file, *options],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{case.name}: {done.stderr.strip() or f'ended with {done.returncode}'}")
        with safe_open(self.file, "pt") as file:
            self.output = file.get_tensor("output")
            notes = file.metadata()
        self.seconds = float(notes["forward_seconds"]) + float(notes["backward_seconds"])
        self.parameters = int(notes["parameters"])

    def worst_gradient(self, expected: dict[str, torch.Tensor]) -> float:
        with safe_open(self.file, "pt") as file:
            keys = {without_prefix(k.removeprefix("gradients.")): k for k in file.keys() if k.startswith("gradients.")}
            if keys.keys() != expected.keys():
                raise RuntimeError(f"gradients of other parameters: {sorted(keys.keys() ^ expected.keys())[:3]}")
            return max(((file.get_tensor(key) - expected[name]).norm() / gradient_norm(expected, name)).item()
                       for name, key in keys.items())


def check(case: Case, work: pathlib.Path) -> tuple[list[str], list[str]]:
    """The row of the table, and what is broken."""
    folder = work / "model"
    subprocess.run(["rm", "-rf", folder], check=True)
    peer = Peer(case, folder)
    gc.collect()
    plain = [] if case.gradients else ["--no-gradients"]
    ours = Ours(case, peer.weights, peer.inputs, work, *plain)
    broken = []
    output = relative(ours.output, peer.output)
    largest = (ours.output - peer.output).abs().max().item()
    gradient = ours.worst_gradient(peer.gradients) if case.gradients else None
    seconds = ours.seconds
    if ours.parameters != peer.parameters:
        broken.append(f"{ours.parameters} parameters, expected {peer.parameters}")
    if not output <= OUTPUT_BOUND:
        broken.append("output")
    if gradient is not None and not gradient <= GRADIENT_BOUND:
        broken.append("gradients")
    bf16 = "-"
    if peer.bf16 is not None:
        half = Ours(case, peer.weights, peer.inputs, work, "--no-gradients", "--dtype", "bf16")
        error, own = relative(half.output, peer.output), relative(peer.bf16, peer.output)
        bf16 = f"{error:.1e} / {own:.1e}"
        if not error <= BF16_BOUND * own:
            broken.append("bf16")
    broken += ablations(case, peer, work)
    return [case.name, f"{peer.parameters:,}", f"{largest:.1e}", f"{output:.1e}",
            "-" if gradient is None else f"{gradient:.1e}", bf16, f"{peer.seconds:.2f}", f"{seconds:.2f}"], broken


def ablations(case: Case, peer: Peer, work: pathlib.Path) -> list[str]:
    """Names what can be left out without the comparison noticing."""
    blind = []
    for name in case.ablate_inputs:
        inputs = {**peer.inputs, name: torch.zeros_like(peer.inputs[name])}
        if relative(Ours(case, peer.weights, inputs, work, "--no-gradients").output, peer.output) <= OUTPUT_BOUND:
            blind.append(f"blind to {name}")
    without = Ours(case, peer.weights, peer.inputs, work, "--no-gradients", "--zero", case.ablate_layer)
    if relative(without.output, peer.output) <= OUTPUT_BOUND:
        blind.append(f"blind to {case.ablate_layer}")
    return blind


def main() -> int:
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    wanted = sys.argv[1:]
    header = ["component", "parameters", "max abs", "relative", "gradients", "bf16: ours / reference's",
              "reference s", "medisyn s"]
    print(" | ".join(header), flush=True)
    failed = 0
    with tempfile.TemporaryDirectory() as work:
        for case in cases():
            if wanted and not any(word.lower() in case.name.lower() for word in wanted):
                continue
            row, broken = check(case, pathlib.Path(work))
            failed += bool(broken)
            print(" | ".join(row), "| " + (f"FAILED: {', '.join(broken)}" if broken else "ok"), flush=True)
    print(f"{failed} failed" + ("" if failed else "; without text, timestep or a layer every comparison fails, as it must"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
