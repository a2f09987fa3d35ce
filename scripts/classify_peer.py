"""A torchvision loop that trains a classifier, and what it shares with medisyn: pictures, weights and the job that
build/release/tests/train/classifier_run takes. For parity_classify.py and bench_classify.py."""
import json
import pathlib
import subprocess
import tempfile
import time

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torchvision import transforms
from torchvision.models import resnet50

RUNNER = "build/release/tests/train/classifier_run"
DATA = pathlib.Path("quickstart/data")
PHOTOGRAPHS = ("skimage/retina.jpg", "skimage/ihc.png", "stardist/histo.jpg", "wsidicom/test_tile.png")
EFFICIENTNET = DATA / "efficientnet_lite0/model.safetensors"
PIXELS, MASK = 224, 2**64 - 1
LAST_LAYER = {"resnet50": "fc", "efficientnet_lite0": "_fc"}
MEANS = {"resnet50": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
         "efficientnet_lite0": ([127 / 255] * 3, [128 / 255] * 3)}


def hash_text(text: str) -> int:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & MASK
    return value


def random_key(*parts: int) -> int:
    """medisyn/core/random_key.h"""
    state = 0
    for part in parts:
        state = (state ^ part) + 0x9E3779B97F4A7C15 & MASK
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & MASK
        state = (state ^ state >> 27) * 0x94D049BB133111EB & MASK
        state ^= state >> 31
    return (state ^ state >> 32) & 0xFFFFFFFF


def crops(folder: pathlib.Path, count: int, side: int, suffixes: list[str]) -> list[dict]:
    """Squares out of the photographs in turn, as files; the class is the photograph."""
    pictures = [Image.open(DATA / path).convert("RGB") for path in PHOTOGRAPHS]
    random = np.random.default_rng(0)
    entries = []
    for number in range(count):
        kind = number % len(pictures)
        picture = pictures[kind]
        whole = min(side, *picture.size)
        left, top = (int(random.integers(0, length - whole + 1)) for length in picture.size)
        file = folder / f"{number:04}{suffixes[number // len(pictures) % len(suffixes)]}"
        picture.crop((left, top, left + whole, top + whole)).resize((side, side)).save(file)
        entries.append({"file": str(file.resolve()), "targets": [float(c == kind) for c in range(len(pictures))]})
    return entries


def make_weights(model: str, folder: pathlib.Path) -> pathlib.Path:
    """Of EfficientNet-Lite0 ImageNet's; of ResNet-50, whose cannot be had here, random ones as torchvision draws them."""
    if model == "efficientnet_lite0":
        return EFFICIENTNET.resolve()
    torch.manual_seed(3)
    file = folder / "resnet50.safetensors"
    save_file(resnet50().state_dict(), file)
    return file


def network(config: dict, classes: int) -> torch.nn.Module:
    """With the weights that medisyn starts from: the last layer is drawn by the seed."""
    model = config["model"]
    net = resnet50() if model == "resnet50" else EfficientNet.from_name("efficientnet-lite0", drop_connect_rate=0)
    net.load_state_dict(load_file(config["weights"]))
    torch.manual_seed(random_key(config.get("seed", 0), hash_text("last layer")))
    name = LAST_LAYER[model]
    setattr(net, name, torch.nn.Linear(getattr(net, name).in_features, classes))
    return net.train()


def transform(model: str) -> transforms.Compose:
    return transforms.Compose([transforms.Resize(PIXELS, transforms.InterpolationMode.BICUBIC),
                               transforms.CenterCrop(PIXELS), transforms.ToTensor(), transforms.Normalize(*MEANS[model])])


class Pictures(torch.utils.data.Dataset):
    def __init__(self, entries: list[dict], model: str):
        self.entries, self.transform = entries, transform(model)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        entry = self.entries[index]
        targets = torch.tensor([float("nan") if t is None else t for t in entry["targets"]])
        return self.transform(Image.open(entry["file"]).convert("RGB")), targets


def loss_of(logits: torch.Tensor, targets: torch.Tensor, multi_label: bool) -> torch.Tensor:
    if not multi_label:
        return cross_entropy(logits, targets.argmax(1))
    known = ~targets.isnan()
    return binary_cross_entropy_with_logits(logits[known], targets[known])


def optimizer_of(net: torch.nn.Module, config: dict) -> torch.optim.Optimizer:
    if config["optimizer"] == "sgd":
        return torch.optim.SGD(net.parameters(), config["learning_rate"], momentum=0.9, weight_decay=1e-4)
    return torch.optim.AdamW(net.parameters(), config["learning_rate"], weight_decay=1e-4)


class Training:
    def __init__(self, config: dict, classes: int):
        self.config, self.steps = config, 0
        self.net = network(config, classes)
        self.optimizer = optimizer_of(self.net, config)

    def step(self, images: torch.Tensor, targets: torch.Tensor) -> float:
        # Dropout draws what it draws in medisyn.
        torch.manual_seed(random_key(self.config.get("seed", 0), hash_text("network"), self.steps))
        self.optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.config.get("precision") == "bf16"):
            logits = self.net(images)
        loss = loss_of(logits.float(), targets, self.config["multi_label"])
        loss.backward()
        self.optimizer.step()
        self.steps += 1
        return loss.item()


def run_medisyn(job: dict) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        file, out = pathlib.Path(folder) / "job.json", pathlib.Path(folder) / "out.json"
        file.write_text(json.dumps(job), encoding="utf-8")
        done = subprocess.run([RUNNER, file, out], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"FAILED: {RUNNER}: {done.stderr.strip()[-500:]}")
        return json.loads(out.read_text(encoding="utf-8"))


def timed(config: dict, entries: list[dict], workers: int, warm_up: int, channels_last: bool) -> float:
    """Images a second of an epoch after its first steps."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    training = Training(config, len(entries[0]["targets"]))
    training.net.to(memory_format=layout)
    loader = torch.utils.data.DataLoader(Pictures(entries, config["model"]), config["batch_size"], shuffle=True,
                                         num_workers=workers)
    for images, targets in loader:
        training.step(images.to(memory_format=layout), targets)
        if training.steps == warm_up:
            started = time.perf_counter()
    return (len(entries) - warm_up * config["batch_size"]) / (time.perf_counter() - started)
