#!/usr/bin/env python3
"""Writes tests/golden/*.pt: small files of torch.save, good ones and ones that must be refused.

usage: torch_files.py tests/golden      (in .venv-peers)
"""
import collections
import pathlib
import sys

import torch


class Stranger:
    """Unpickling this would call a function of the file's choice."""

    def __reduce__(self):
        return (print, ("a file of weights ran code",))


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    tensors = collections.OrderedDict(
        whole=base, turned=base.t(), part=base[1:, 2:], half=torch.tensor([1.5, -2.0]).bfloat16(),
        count=torch.tensor(7), parameter=torch.nn.Parameter(torch.ones(2)), empty=torch.zeros(0, 3))
    torch.save(tensors, folder / "state_dict.pt")
    # What every model gives: an OrderedDict whose state is its _metadata; here more names than one byte counts.
    model = torch.nn.Sequential(*(torch.nn.BatchNorm1d(2) for _ in range(30)))
    torch.save(model.state_dict(), folder / "model.pt")
    torch.save({"state_dict": torch.nn.BatchNorm1d(2).state_dict()}, folder / "model_checkpoint.pt")
    torch.save({"epoch": 3, "state_dict": {"weight": base}}, folder / "checkpoint.pt")
    torch.save({"weight": base}, folder / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(tensors, folder / "legacy_state_dict.pt", _use_new_zipfile_serialization=False)
    torch.save(torch.nn.BatchNorm1d(2).state_dict(), folder / "legacy_model.pt", _use_new_zipfile_serialization=False)
    torch.save({"weight": Stranger()}, folder / "code.pt")
    torch.save([base], folder / "list.pt")
    endless = {}
    endless["state_dict"] = endless
    torch.save(endless, folder / "endless.pt")


if __name__ == "__main__":
    main()
