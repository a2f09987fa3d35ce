#!/usr/bin/env python3
"""Model folders and single files in both directions: what medisyn writes loads in diffusers and transformers with equal
weights, and what they write loads in medisyn.

usage: .venv-peers/bin/python scripts/parity_folders.py [--full]

Models are made by `medisyn model init`, small ones by default and Stable Diffusion 1.4 at its full size with --full.
Prints one line a check and exits with 1 when one fails.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
import diffusers
import transformers
from diffusers import (AutoencoderKL, DiffusionPipeline, StableDiffusionPipeline, StableDiffusionXLPipeline,
                       UNet2DConditionModel)
from safetensors.torch import load_file
from transformers import BertModel, CLIPTextModel, CLIPTextModelWithProjection

MEDISYN = "build/release/medisyn"
MERGES = "quickstart/data/clip/bpe_simple_vocab_16e6.txt.gz"
CLASSES = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder_2": CLIPTextModelWithProjection}
SMALL_TEXT = ["hidden_size=32", "intermediate_size=64", "num_hidden_layers=2", "num_attention_heads=4", "projection_dim=32"]
SMALL_VAE = ["vae.block_out_channels=[8, 8, 16, 16]", "vae.norm_num_groups=4", "vae.layers_per_block=1"]
SMALL = {
    "sd14": [f"text_encoder.{key}" for key in SMALL_TEXT] + SMALL_VAE + [
        "unet.block_out_channels=[8, 8, 16, 16]", "unet.norm_num_groups=4", "unet.attention_head_dim=2",
        "unet.cross_attention_dim=32"],
    "sd14_biomedclip": [f"text_encoder.{key}" for key in SMALL_TEXT[:4]] + SMALL_VAE + [
        "unet.block_out_channels=[8, 8, 16, 16]", "unet.norm_num_groups=4", "unet.attention_head_dim=2",
        "unet.cross_attention_dim=32"],
    "sd21": [f"text_encoder.{key}" for key in SMALL_TEXT] + SMALL_VAE + [
        "unet.block_out_channels=[8, 8, 16, 16]", "unet.norm_num_groups=4", "unet.attention_head_dim=[1, 1, 2, 2]",
        "unet.cross_attention_dim=32"],
    # diffusers tells the two text encoders of a single file apart by their widths.
    "sdxl": [f"{encoder}.{key}" for encoder in ("text_encoder", "text_encoder_2") for key in SMALL_TEXT] + SMALL_VAE + [
        "text_encoder_2.hidden_size=64", "text_encoder_2.projection_dim=64",
        "unet.block_out_channels=[8, 16, 16]", "unet.norm_num_groups=4", "unet.attention_head_dim=[1, 2, 2]",
        "unet.cross_attention_dim=96", "unet.addition_time_embed_dim=4", "unet.projection_class_embeddings_input_dim=88"],
}


def medisyn(*arguments: object) -> str:
    done = subprocess.run([MEDISYN, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"medisyn {' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return done.stdout


def components(folder: pathlib.Path) -> dict:
    classes = dict(CLASSES)
    config = json.loads((folder / "text_encoder" / "config.json").read_text(encoding="utf-8"))
    classes["text_encoder"] = BertModel if config["model_type"] == "bert" else CLIPTextModel
    return {name: one for name, one in classes.items() if (folder / name).is_dir()}


def without_prefix(name: str) -> str:
    return name.removeprefix("text_model.")


def equal(a: dict, b: dict) -> bool:
    """The same names and bits; position_ids are no weights."""
    first, second = ({without_prefix(k): v for k, v in one.items() if not k.endswith("position_ids")} for one in (a, b))
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k].to(first[k].dtype)) for k in first)


def weights_of(folder: pathlib.Path) -> dict:
    return load_file(next(folder.glob("*.safetensors")))


class Report:
    def __init__(self) -> None:
        self.failed = 0

    def line(self, what: str, passed: bool) -> None:
        self.failed += not passed
        print(f"{what}: {'ok' if passed else 'FAILED'}", flush=True)


def check_model(name: str, settings: list[str], tokenizer: str, work: pathlib.Path, report: Report) -> None:
    ours = work / name
    medisyn("model", "init", "--config", f"models/{name}.yaml", "--tokenizer", tokenizer, "--out", ours,
            *(word for setting in settings for word in ("--set", setting)))
    pipeline = DiffusionPipeline.from_pretrained(ours, torch_dtype=torch.float32)
    for part, cls in components(ours).items():
        report.line(f"{name}/{part}: medisyn's folder in {cls.__name__}",
                    equal(weights_of(ours / part), getattr(pipeline, part).state_dict()))
    theirs = work / f"{name}-theirs"
    pipeline.save_pretrained(theirs)
    found = json.loads(medisyn("model", "inspect", theirs, "--json"))
    report.line(f"{name}: inspect of diffusers' folder finds nothing missing or left over",
                not any(part[kind] for part in found["components"].values() for kind in ("missing", "unexpected", "misfits")))
    back = work / f"{name}-back"
    medisyn("model", "convert", theirs, back)
    for part in components(ours):
        report.line(f"{name}/{part}: diffusers' folder through medisyn, bit for bit",
                    equal(weights_of(ours / part), weights_of(back / part)))
    if name in ("sd14", "sdxl"):
        check_single_file(name, ours, work, report)


def check_single_file(name: str, ours: pathlib.Path, work: pathlib.Path, report: Report) -> None:
    single = work / f"{name}.safetensors"
    medisyn("model", "convert", ours, single)
    cls = StableDiffusionPipeline if name == "sd14" else StableDiffusionXLPipeline
    pipeline = cls.from_single_file(str(single), config=str(ours))
    for part in components(ours):
        report.line(f"{name}/{part}: medisyn's single file in {cls.__name__}.from_single_file",
                    equal(weights_of(ours / part), getattr(pipeline, part).state_dict()))
    back = work / f"{name}-single-back"
    medisyn("model", "convert", single, back, "--base", ours)
    for part in components(ours):
        report.line(f"{name}/{part}: single file back to a folder, bit for bit",
                    equal(weights_of(ours / part), weights_of(back / part)))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true", help="Stable Diffusion 1.4 at its full size instead")
    arguments = parser.parse_args()
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        vocabulary = work / "bert"
        vocabulary.mkdir()
        (vocabulary / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "ct", "of", "chest"]) + "\n",
                                              encoding="utf-8")
        for name in ["sd14"] if arguments.full else list(SMALL):
            tokenizer = str(vocabulary) if name == "sd14_biomedclip" else MERGES
            check_model(name, [] if arguments.full else SMALL[name], tokenizer, work, report)
    print(f"{report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
