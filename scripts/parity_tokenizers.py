#!/usr/bin/env python3
"""Compares the ids of `medisyn model tokenize` over random strings with those of transformers, for CLIP and BERT, and of
the sentencepiece package, for a vocabulary that `medisyn model train-tokenizer` learned.

usage: .venv-peers/bin/python scripts/parity_tokenizers.py [COUNT] [SEED]      (COUNT strings, 20,000 by default)

The strings are drawn over every character that Unicode 15.0 assigns: half of them over all scripts alike, half from few
blocks, so that marks meet their letters. Prints one line a tokenizer; exits with 1 where any string's ids differ.
"""
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import sentencepiece
import unicodedata2
from transformers import BertTokenizer, CLIPTokenizer

ROOT = pathlib.Path(__file__).resolve().parents[1]
MEDISYN = ROOT / "build/release/medisyn"
sys.path.insert(0, str(ROOT / "scripts/golden"))
import tokenizer as clip_golden  # noqa: E402

NEW_IN_15_1 = {*range(0x2EBF0, 0x2EE5E), *range(0x2FFC, 0x3000), 0x31EF}
LENGTH = 77


def characters() -> list[str]:
    """All assigned characters but surrogates, private ones and the line feed, which parts the strings."""
    return [chr(c) for c in range(0x110000)
            if c != 10 and c not in NEW_IN_15_1 and unicodedata2.category(chr(c)) not in ("Cn", "Cs", "Co")]


def strings(count: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    pool = characters()
    ascii_pool = [chr(c) for c in range(32, 127)]
    result = []
    for i in range(count):
        length = draw.randint(0, 40)
        if i % 2:
            start = draw.randrange(len(pool))
            near = pool[start:start + 64] + ascii_pool[:16] + pool[:200]
            result.append("".join(draw.choice(near) for _ in range(length)))
        else:
            result.append("".join(draw.choice(draw.choice((pool, ascii_pool))) for _ in range(length)))
    return result


def clip(folder: pathlib.Path) -> CLIPTokenizer:
    import gzip
    lines = gzip.open(clip_golden.MERGES, "rt", encoding="utf-8").read().split("\n")
    tokenizer = clip_golden.tokenizer(lines[1:clip_golden.PUBLISHED_MERGES + 1])
    tokenizer.save_pretrained(folder)
    return tokenizer


def bert(folder: pathlib.Path) -> BertTokenizer:
    """A vocabulary in which every character is a token, alone and inside a word: nothing hides behind [UNK]."""
    pool = [c for c in characters() if not c.isspace()]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + pool + ["##" + c for c in pool]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(vocabulary)) + "\n", encoding="utf-8")
    return BertTokenizer.from_pretrained(folder, model_max_length=LENGTH)


class SentencePiece:
    """The library's own Python package over a vocabulary that medisyn learned, with T5's end of text."""

    def __init__(self, model: pathlib.Path) -> None:
        self.processor = sentencepiece.SentencePieceProcessor(model_file=str(model))

    def __call__(self, text: str, truncation: bool, max_length: int) -> dict[str, list[int]]:
        return {"input_ids": self.processor.encode(text)[:max_length - 1] + [self.processor.eos_id()]}


def learned(folder: pathlib.Path) -> None:
    """`medisyn model train-tokenizer` on captions of Latin, Greek and Chinese words."""
    draw = random.Random(3)
    words = ["axial", "slice", "of", "the", "chest", "T1", "MRI", "µm", "≥", "θώρακα", "胸部", "été", "CT", "1.5", "mm"]
    texts = [" ".join(draw.choice(words) for _ in range(draw.randint(3, 12))) + f" {draw.randint(0, 999)}" for _ in range(3000)]
    rows = [{"file_name": f"{i}.png", "text": text} for i, text in enumerate(texts)]
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    subprocess.run([MEDISYN, "model", "train-tokenizer", "--quiet", "--data", folder, "--vocab-size", "60", "--out",
                    folder / "pieces"], check=True)
    (folder / "pieces" / "spiece.model").rename(folder / "spiece.model")


def sentencepiece_ids(folder: pathlib.Path) -> SentencePiece:
    learned(folder)
    return SentencePiece(folder / "spiece.model")


def compare(name: str, make, texts: list[str]) -> int:
    folder = pathlib.Path(tempfile.mkdtemp())
    tokenizer = make(folder)
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": LENGTH}))
    expected = [tokenizer(text, truncation=True, max_length=LENGTH)["input_ids"] for text in texts]
    (folder / "texts.txt").write_text("\n".join(texts) + "\n", encoding="utf-8", newline="\n")
    started = time.monotonic()
    out = subprocess.run([MEDISYN, "model", "tokenize", "--quiet", "--model", folder, "--text-file",
                          folder / "texts.txt"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         text=True).stdout
    seconds = time.monotonic() - started
    found = [json.loads(line) for line in out.splitlines()]
    if len(found) != len(texts):
        print(f"{name}: expected {len(texts)} lines, found {len(found)}")
        return 1
    wrong = [i for i in range(len(texts)) if found[i] != expected[i]]
    print(f"{name}: {len(texts)} strings, {len(wrong)} with other ids, {seconds:.1f} s with start-up")
    for i in wrong[:3]:
        print("  ", texts[i].encode("unicode_escape").decode(), expected[i], found[i], sep="\n    ")
    return 1 if wrong else 0


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20000
    texts = strings(count, int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    return compare("CLIP", clip, texts) + compare("BERT", bert, texts) + compare(
        "SentencePiece", sentencepiece_ids, texts) > 0


if __name__ == "__main__":
    sys.exit(main())
