#!/usr/bin/env python3
"""Writes tests/golden/clip_tokens.json and clip_small_merges.txt: strings and the ids transformers gives them.

usage: tokenizer.py tests/golden      (in .venv-peers; scripts/fetch_quickstart_data.sh fetches the merges)
"""
import gzip
import json
import pathlib
import sys
import tempfile

from transformers import CLIPTokenizer

MERGES = pathlib.Path(__file__).resolve().parents[2] / "quickstart/data/clip/bpe_simple_vocab_16e6.txt.gz"
PUBLISHED_MERGES = 49152 - 256 - 2
SMALL_MERGES = 400

STRINGS = [
    "", " ", "a", "CT", "Dermoscopy image showing melanoma", "an axial CT slice of the chest, lung window",
    "MRI, T1-weighted; TE=4.6 ms, B0=3T (sagittal)", "T2*-weighted 1.5T", "H&E stain, 40x", "#1 <tag> [x] {y} \\ / | ~ ` ^",
    "don't 'sound ?'s 'S I'M we'll they've you're he'd o'clock", "''s''", "DON'T", "rock'n'roll", "'", "''", "'x", "a'b",
    "naïve café Ångström", "nai\u0308ve cafe\u0301 A\u030angstro\u0308m", "µ μ 5 µm ≥ ≤ ≠ ± × ÷ °C Ω \u2126 K \u212a Å \u212b", "ﬁ ﬂ ﬀ ﬃ ﬆ ĳ ǆ",
    "²³¹ ½ ¼ ⅷ Ⅳ ① ٣ ৩ 一二三", "12345 3.14 1,000 2e-5", "İstanbul İ ı I i̇ DİYARBAKIR", "ΑΣ ΣΑΣ ὈΔΥΣΣΕΎΣ ς", "Straße STRASSE ẞ ß",
    "Привет, МИР! Ёлка", "日本語のテキスト", "中文医学影像：胸部 CT 扫描", "한국어 의료 영상 \u1112\u1161\u11ab", "नमस्ते क्षत्रिय", "ไทย ภาษาไทย", "שלום עולם", "مرحبا بالعالم",
    "😀 👍🏽 👨‍👩‍👧‍👦 🇩🇪 ❤️ ☠", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐐀 𠀀 \U0001F9EC", "\ufeffBOM", "zero\u200bwidth\u200dand\u00adsoft", "nbsp\u00a0thin\u2009ideo\u3000line\u2028para\u2029nel\u0085fig\u2007",
    "tab\tnew\nline\r\ncr\rvt\x0bff\x0c", "nul\x00bell\x07esc\x1b[0m del\x7f fs\x1c us\x1f", "\ufffd\uffff\U0010ffff \ue000", "  many   spaces  ", "\n\n\t",
    "<|startoftext|>", "<|endoftext|>", "a <|endoftext|> b<|startoftext|>C", "<|ENDOFTEXT|> <|StartOfText|>", "<|endoftext", "<|endoftext|><|endoftext|>",
    "Pneumonoultramicroscopicsilicovolcanoconiosis", "esophagogastroduodenoscopy cholangiopancreatography", "aaaaaaaaaaaaaaaaaaaa", "xyxyxyxyxyxyxyxy", "!!!!!!!!!!!!!!!!", "---===___***", "....", "?!?!",
    "word " * 80, "a " * 75, "a " * 76, "😀" * 40, "e\u0301" * 50, "é" * 77, "abc" * 60,
    "C++ & C# @home www.example.com/x?y=1", "&amp; &lt;b&gt;", "\u0130\u0130", "Ǆ ǅ ǆ", "ᾼ ᾈ", "\u1e9e", "Ꭰ ꭰ", "Ⓐ ⅰ", "x²+y²=z²", "µ" * 10,
    "left–right — “quoted” ‘single’ … • †", "½cm", "3rd 4TH", "COVID-19", "l'œil d’un", "ŉ ǰ ΐ", "\u0345\u0301a",
]
#: The 10,000-character strings are built by their test: (pattern, times), ids are stored as they are cut.
LONG = [("a", 10000), ("Lung nodule 5 mm, ", 556), ("é", 10000), ("ab1", 3334)]


def byte_symbols() -> list[str]:
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]


def tokenizer(merges: list[str]) -> CLIPTokenizer:
    symbols = byte_symbols()
    tokens = symbols + [symbol + "</w>" for symbol in symbols]
    tokens += ["".join(merge.split()) for merge in merges] + ["<|startoftext|>", "<|endoftext|>"]
    folder = pathlib.Path(tempfile.mkdtemp())
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    return CLIPTokenizer.from_pretrained(folder, model_max_length=77)


def main() -> None:
    lines = gzip.open(MERGES, "rt", encoding="utf-8").read().split("\n")
    merges = lines[1:PUBLISHED_MERGES + 1]
    small_merges = merges[:SMALL_MERGES]
    full, small = tokenizer(merges), tokenizer(small_merges)
    ids = lambda t, text: t(text, truncation=True, max_length=77)["input_ids"]
    cases = [{"text": text, "full": ids(full, text), "small": ids(small, text)} for text in STRINGS]
    longs = [{"pattern": p, "times": n, "full": ids(full, p * n), "full_count": len(full(p * n)["input_ids"]),
              "small": ids(small, p * n), "small_count": len(small(p * n)["input_ids"])} for p, n in LONG]
    lines = [json.dumps(case, ensure_ascii=True, separators=(",", ":")) for case in cases]
    long_lines = [json.dumps(case, ensure_ascii=True, separators=(",", ":")) for case in longs]
    (pathlib.Path(sys.argv[1]) / "clip_tokens.json").write_text(
        '{"cases":[\n' + ",\n".join(lines) + '\n],"long":[\n' + ",\n".join(long_lines) + "\n]}\n", encoding="utf-8")
    (pathlib.Path(sys.argv[1]) / "clip_small_merges.txt").write_text("#version: 0.2\n" + "\n".join(small_merges) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
