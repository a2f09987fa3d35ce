#!/usr/bin/env python3
"""Writes tests/golden/bert_tokens.json and bert_small_vocab.txt: strings and the ids transformers gives them.

usage: wordpiece.py tests/golden      (in .venv-peers)
"""
import json
import pathlib
import sys
import tempfile

from tokenizer import LONG, STRINGS
from transformers import BertTokenizer

MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ("ct mri t1 chest lung scan image of the a an and with show ##ing ##ed ##s ##ology ##scopy ##itis derm ##o ##oma "
         "melan pneum ##o ##ultra ##micro esophag gastr ##duoden naive cafe angstrom istanbul strasse привет мир елка "
         "日本 中 文 한 ##국 영상 नमस सत ##र covid word ##word μ ##μ 5 ##5 10 ##00 fi ##fi").split()
MORE = ["[CLS]", "a [SEP] b[MASK]C", "[mask] [PAD][UNK]", "[CLS", "x" * 100, "x" * 101, "é" * 101, "\u0300\u0301", "a\u0300b\u0327c",
        "\u1734\u1885\u1886\ua9bd\U000111c9\u166d", "\U0002b820\U0002b920", "\u08d3\u08e3a", "\U00011938", "\u0890a\u061ca", "\u061d ؟"]


def main() -> None:
    characters = [chr(c) for c in range(33, 127)] + list("αβγδμςσωавгдежйкпрстё日本語中文학의료영상नमसतर、。「」≥≤°µ²½")
    vocabulary = list(dict.fromkeys(
        MARKS + characters + ["##" + c for c in "abcdefghijklmnopqrstuvwxyz0123456789μσωйа本文학र"] + WORDS))
    folder = pathlib.Path(tempfile.mkdtemp())
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    tokenizer = BertTokenizer.from_pretrained(folder, model_max_length=64)
    ids = lambda text: tokenizer(text, truncation=True, max_length=64)["input_ids"]
    cases = [{"text": text, "ids": ids(text)} for text in STRINGS + MORE]
    longs = [{"pattern": p, "times": n, "ids": ids(p * n), "count": len(tokenizer(p * n)["input_ids"])} for p, n in LONG]
    lines = [json.dumps(case, separators=(",", ":")) for case in cases]
    long_lines = [json.dumps(case, separators=(",", ":")) for case in longs]
    target = pathlib.Path(sys.argv[1])
    (target / "bert_tokens.json").write_text(
        '{"cases":[\n' + ",\n".join(lines) + '\n],"long":[\n' + ",\n".join(long_lines) + "\n]}\n", encoding="utf-8")
    (target / "bert_small_vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
