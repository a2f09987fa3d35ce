#!/usr/bin/env python3
"""The classifier of `medisyn eval classify` beside torchvision's, its scores beside scikit-learn's.

usage: .venv-peers/bin/python scripts/parity_classify.py [scores] [resnet50] [efficientnet_lite0]      (none: all)

scores: 10,000 random cases with ties, weights, several labels an image, labels that are missing and classes of one kind
alone: AUROCs equal scikit-learn's to 1e-12, DeLong's variances, intervals, z and p those of the definition in NumPy (over
all pairs) to 1e-6. The networks: 20 steps from the same weights and batches as a torchvision loop in fp32, of photographs
that PIL reads and resizes there, with SGD and AdamW, cross-entropy and BCE with masked labels: losses are equal to 1e-5.
Exits with 1 where something is further apart.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(pathlib.Path(__file__).parent / "golden"))
import classify_peer as peer
from auroc import delong

SCORES_RUNNER = "build/release/tests/stats/auroc_run"
CASES, AUROC_BOUND, DELONG_BOUND = 10_000, 1e-12, 1e-6
STEPS, BATCH, LOSS_BOUND = 20, 8, 1e-5


def random_case(random: np.random.Generator) -> dict:
    """Of one class with weights, or of up to four with labels that are missing; a third of the columns tie often."""
    classes = int(random.integers(1, 5))
    n = int(random.integers(2, 120))
    levels = random.choice([3, 20, 10**9])
    targets = (random.random((n, classes)) < random.choice([0.02, 0.3, 0.7], classes)).astype(float)
    scores, second = (np.round((random.random((n, classes)) + random.random() * targets) * levels) / levels for _ in "ab")
    case = {"classes": classes, "scores": scores.ravel().tolist(), "second": second.ravel().tolist()}
    if classes == 1:
        case["weights"] = (random.integers(0, 9, n) / 4 if random.random() < 0.5 else random.random(n)).tolist()
    else:
        targets[random.random((n, classes)) < 0.1] = np.nan
    case["targets"] = [None if np.isnan(t) else t for t in targets.ravel()]
    return case


class Compared:
    def __init__(self) -> None:
        self.auroc = self.delong = 0.0
        self.counts = {"AUROCs": 0, "weighted": 0, "absent": 0, "of no variance": 0, "DeLong tests": 0}
        self.faults: list[str] = []

    def auroc_of(self, found: float | None, positives: np.ndarray, scores: np.ndarray,
                 weights: np.ndarray | None = None) -> None:
        used = np.ones(len(scores)) if weights is None else weights
        if not (used[positives].sum() > 0 and used[~positives].sum() > 0):
            self.counts["absent"] += 1
            if found is not None:
                self.faults.append("an AUROC of a class that is absent")
            return
        self.counts["AUROCs" if weights is None else "weighted"] += 1
        expected = roc_auc_score(positives, scores, sample_weight=weights)
        self.auroc = max(self.auroc, abs(found - expected))

    def delong_of(self, interval: list | None, test: list | None, positives: np.ndarray, a: np.ndarray,
                  b: np.ndarray) -> None:
        if min(positives.sum(), (~positives).sum()) < 2:
            if interval is not None or test is not None:
                self.faults.append("a variance of one image")
            return
        areas, covariances = delong(a, b, positives)
        reach = norm.ppf(0.975) * covariances[0, 0] ** 0.5
        expected = [areas[0], covariances[0, 0], max(areas[0] - reach, 0), min(areas[0] + reach, 1)]
        variance = covariances[0, 0] + covariances[1, 1] - 2 * covariances[0, 1]
        self.delong = max(self.delong, *(abs(f - e) for f, e in zip(interval, expected)), abs(test[0] - variance))
        if variance < 1e-12:  # nothing to divide by
            self.counts["of no variance"] += 1
            return
        self.counts["DeLong tests"] += 1
        z = (areas[1] - areas[0]) / variance ** 0.5
        self.delong = max(self.delong, abs(test[1] - z) / max(abs(z), 1), abs(test[2] - 2 * norm.sf(abs(z))))


def check_scores() -> bool:
    random = np.random.default_rng(0)
    cases = [random_case(random) for _ in range(CASES)]
    with tempfile.TemporaryDirectory() as folder:
        file, out = pathlib.Path(folder) / "cases.jsonl", pathlib.Path(folder) / "out.jsonl"
        file.write_text("".join(json.dumps(case) + "\n" for case in cases), encoding="utf-8")
        subprocess.run([SCORES_RUNNER, file, out], check=True)
        answers = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    compared = Compared()
    for case, found in zip(cases, answers, strict=True):
        shape = (-1, case["classes"])
        scores, second = (np.array(case[key]).reshape(shape) for key in ("scores", "second"))
        targets = np.array([np.nan if t is None else t for t in case["targets"]]).reshape(shape)
        for c in range(case["classes"]):
            known = ~np.isnan(targets[:, c])
            positives, column = targets[known, c] == 1, scores[known, c]
            compared.auroc_of(found["classes"][c], positives, column)
            compared.delong_of(found["intervals"][c], found["tests"][c], positives, column, second[known, c])
        if "weights" in case:
            compared.auroc_of(found["weighted"], targets[:, 0] == 1, scores[:, 0], np.array(case["weights"]))
        present = [a for a in found["classes"] if a is not None]
        if (found["macro"] is None) != (not present) or (present and abs(found["macro"] - np.mean(present)) > AUROC_BOUND):
            compared.faults.append("a macro-AUROC that is not the mean")
    is_good = not compared.faults and compared.auroc <= AUROC_BOUND and compared.delong <= DELONG_BOUND
    print(f"{CASES} cases ({', '.join(f'{count} {name}' for name, count in compared.counts.items())}): AUROCs differ from "
          f"scikit-learn's by {compared.auroc:.1e} at most, DeLong's numbers from the definition by {compared.delong:.1e}: "
          f"{'as required' if is_good else 'FAILED ' + '; '.join(sorted(set(compared.faults)))}", flush=True)
    return is_good


def check_training(model: str, multi_label: bool, optimizer: str) -> bool:
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work)
        entries = peer.crops(folder, 56, 300, [".png"])
        if multi_label:
            random = np.random.default_rng(1)
            for entry in entries[:48]:
                entry["targets"] = [None if random.random() < 0.2 else t for t in entry["targets"]]
        config = {"model": model, "weights": str(peer.make_weights(model, folder)), "multi_label": multi_label,
                  "batch_size": BATCH, "optimizer": optimizer, "learning_rate": 0.01 if optimizer == "sgd" else 1e-4,
                  "schedule": "constant", "steps": STEPS, "validate_every_steps": STEPS}
        job = {"config": config, "classes": list(peer.PHOTOGRAPHS), "threads": torch.get_num_threads(),
               "train": entries[:48], "validation": entries[48:], "test": entries[48:]}
        found = peer.run_medisyn(job)
        pictures = peer.Pictures(entries[:48], model)
        training = peer.Training(config, len(peer.PHOTOGRAPHS))
        expected = [training.step(*(torch.stack(part) for part in zip(*(pictures[i] for i in batch))))
                    for batch in found["order"]]
    apart = [abs(a - b) / b for a, b in zip(found["losses"], expected, strict=True)]
    is_good = max(apart) <= LOSS_BOUND
    print(f"{model}, {'BCE with masked labels' if multi_label else 'cross-entropy'}, {optimizer}: loss {expected[0]:.4f} to "
          f"{expected[-1]:.4f} in {STEPS} steps, {apart[0]:.1e} apart at first, {max(apart):.1e} at most: "
          f"{'as required' if is_good else 'FAILED'}", flush=True)
    return is_good


def main() -> int:
    parts = sys.argv[1:] or ["scores", *peer.LAST_LAYER]
    unknown = set(parts) - {"scores", *peer.LAST_LAYER}
    if unknown:
        raise SystemExit(f"parity_classify: expected scores, {' or '.join(peer.LAST_LAYER)}, found {sorted(unknown)}")
    good = [check_scores()] if "scores" in parts else []
    for model in peer.LAST_LAYER:
        if model in parts:
            good += [check_training(model, multi_label, optimizer) for multi_label in (False, True)
                     for optimizer in ("sgd", "adamw")]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
