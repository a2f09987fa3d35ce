#!/usr/bin/env python3
"""Compares `medisyn eval reader-study score` with NumPy and statsmodels on 1,000 made-up answer sets.

usage: parity_reader_study.py MEDISYN        (in .venv-peers)

An answer set is one reader's file. Five studies of other sizes and numbers of classes have 200 readers each, in
groups of 2 to 8: some without an answer, some who stopped in the middle, left questions open, marked nothing or
everything, or changed an answer. Nothing here is shared with the program but the formats of its files.
"""
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from statsmodels.stats.inter_rater import fleiss_kappa
from statsmodels.stats.proportion import proportion_confint

READERS, DRAWS = 200, 200
TYPES = ["real-real", "synthetic-synthetic", "mixed"]
COLUMNS = ["study_id", "reader", "part", "trial", "position", "left_synthetic", "right_synthetic",
           "quality_sufficient", "class", "confidence", "response_ms", "answered_at"]


def make_key(rng, number):
    classes = [f'class "{c}", or so' for c in range(rng.integers(2, 6))]
    key = {"schema": "medisyn.reader_key/1", "study_id": f"{number:016x}", "seed": 0, "classes": classes,
           "images": {}, "trials": {}, "readers": {}}

    def image(synthetic, name):
        path = f"images/{len(key['images']):016x}.png"
        key["images"][path] = {"synthetic": bool(synthetic), "class": name, "source": "", "patient": "", "cluster": ""}
        return path

    for i in range(rng.integers(6, 103)):
        kind, name = TYPES[rng.integers(3)], classes[rng.integers(len(classes))]
        sides = {"real-real": [0, 0], "synthetic-synthetic": [1, 1], "mixed": list(rng.permutation([0, 1]))}[kind]
        left, right = (image(s, name) for s in sides)
        key["trials"][f"p{i + 1:03}"] = {"part": "pairs", "type": kind, "class": name, "left": left, "right": right}
    for i in range(rng.integers(6, 133)):
        synthetic, name = rng.integers(2), classes[rng.integers(len(classes))]
        key["trials"][f"s{i + 1:03}"] = {"part": "singles", "type": "synthetic" if synthetic else "real",
                                         "class": name, "image": image(synthetic, name)}
    group, left = 0, 0
    for r in range(READERS):
        if left == 0:
            group, left = group + 1, rng.integers(2, 9)
        left -= 1
        key["readers"][f"R{r + 1:03}"] = {"group": f"g{group:03}"}
    return key


def make_rows(rng, key, reader):
    """The rows of one reader's file, and which answer counts: {trial: row}."""
    manner = rng.choice(["plain", "plain", "plain", "empty", "stopped", "open", "nothing", "everything"])
    skill, rows, counted = rng.uniform(0.4, 1), [], {}
    trials = [] if manner == "empty" else list(key["trials"].items())
    if manner == "stopped":
        trials = trials[:rng.integers(len(trials))]
    for position, (name, trial) in enumerate(trials, 1):
        for again in range(2 if rng.random() < 0.05 else 1):
            row = dict.fromkeys(COLUMNS, "")
            row |= {"study_id": key["study_id"], "reader": reader, "part": trial["part"], "trial": name,
                    "position": position, "response_ms": int(rng.lognormal(8, 1)),
                    "answered_at": f"2026-01-01T{again:02}:00:00Z"}
            if trial["part"] == "pairs":
                for side in ("left", "right"):
                    truth = key["images"][trial[side]]["synthetic"]
                    mark = truth if rng.random() < skill else not truth
                    row[f"{side}_synthetic"] = int({"nothing": 0, "everything": 1}.get(manner, mark))
            else:
                right = rng.random() < skill
                row |= {"quality_sufficient": int(rng.random() < 0.8), "confidence": int(rng.integers(1, 6)),
                        "class": trial["class"] if right else str(rng.choice(key["classes"]))}
            if manner == "open":
                for column in ("left_synthetic", "right_synthetic", "quality_sufficient", "class", "confidence",
                               "response_ms"):
                    row[column] = "" if rng.random() < 0.3 else row[column]
            rows.append(row)
            counted[name] = row
    rng.shuffle(rows)
    return rows, counted


def write_answers(folder, key, reader, rows, rng):
    """As CSV or as the page's JSON; of an empty set a file with a header alone, or no file."""
    if not rows and rng.random() < 0.5:
        return
    if rows and rng.random() < 0.3:
        answers = [{k: (None if v == "" else v) for k, v in row.items()} for row in rows]
        (folder / f"{reader}.json").write_text(json.dumps(
            {"schema": "medisyn.reader_answers/1", "study_id": key["study_id"], "reader": reader, "answers": answers}))
        return
    with open(folder / f"{reader}.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def splitmix(x):
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def random_key(*parts):
    state = np.uint64(0)
    with np.errstate(over="ignore"):
        for part in parts:
            state = splitmix(state ^ np.asarray(part, np.uint64))
    return (state ^ (state >> np.uint64(32))) & np.uint64(0xFFFFFFFF)


def hash_text(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def bootstrap(table, statistics):
    """table [readers, cases, sums] -> an interval of each statistic, a function of drawn sums [draws, readers, sums]."""
    n_readers, n_cases = table.shape[:2]
    if n_readers < 2 or n_cases < 2:
        return [None] * len(statistics)
    key = random_key(0, hash_text("bootstrap"))
    bits = random_key(key, np.arange(DRAWS * (n_readers + n_cases), dtype=np.uint64)).reshape(DRAWS, -1)
    readers = (bits[:, :n_readers] * np.uint64(n_readers) >> np.uint64(32)).astype(int)
    cases = (bits[:, n_readers:] * np.uint64(n_cases) >> np.uint64(32)).astype(int)
    sums = np.stack([table[readers[i]][:, cases[i]].sum(1) for i in range(DRAWS)]).astype(float)
    intervals = []
    for statistic in statistics:
        values = statistic(sums)
        values = values[~np.isnan(values)]
        intervals.append(np.percentile(values, [2.5, 97.5]) if 2 * len(values) >= DRAWS and len(values) else None)
    return intervals


def mean_ratio(above, below):
    """The mean over readers of a ratio of sums, without readers for whom it is undefined."""
    def statistic(sums):
        with np.errstate(invalid="ignore"):
            values = sums[..., above].sum(-1) / sums[..., below].sum(-1)
        return np.array([row[~np.isnan(row)].mean() if (~np.isnan(row)).any() else np.nan for row in values])
    return statistic


def pooled_ratio(above, below):
    def statistic(sums):
        with np.errstate(invalid="ignore"):
            return sums[..., above].sum(1) / sums[..., below].sum(1)
    return statistic


class Comparison:
    def __init__(self):
        self.values, self.worst, self.faults = 0, 0.0, []

    def number(self, what, found, expected):
        self.values += 1
        if expected is None or (isinstance(expected, float) and np.isnan(expected)):
            same = found == ""
        else:
            same = found != "" and abs(float(found) - expected) <= 1e-5 * max(1, abs(expected))
            if found != "":
                self.worst = max(self.worst, abs(float(found) - expected) / max(1, abs(expected)))
        if not same:
            self.faults.append(f"{what}: found {found!r}, expected {expected}")

    def intervals(self, what, row, columns, intervals):
        for column, interval in zip(columns, intervals):
            self.number(what, row[f"{column}_low"], None if interval is None else interval[0])
            self.number(what, row[f"{column}_high"], None if interval is None else interval[1])


def ratio(a, b):
    return a / b if b else None


def mean(values):
    values = [v for v in values if v is not None]
    return float(np.mean(values)) if values else None


def wilson(hits, trials):
    return proportion_confint(hits, trials, method="wilson") if trials else (None, None)


def read_rows(path, *keys):
    with open(path, newline="") as file:
        return {tuple(row[k] for k in keys): row for row in csv.DictReader(file)}


def compare_realism(check, key, sets, groups, out):
    found = read_rows(out / "realism.csv", "group", "reader", "class", "type")
    pairs = {n: t for n, t in key["trials"].items() if t["part"] == "pairs"}
    slices = [("", "")] + [(c, "") for c in key["classes"]] + [("", t) for t in TYPES]
    for class_name, kind in slices:
        names = sorted(n for n, t in pairs.items() if class_name in ("", t["class"]) and kind in ("", t["type"]))
        if not names:
            continue
        for group, readers in groups.items():
            table = np.zeros((len(readers), len(names), 4), int)
            for r, reader in enumerate(readers):
                for p, name in enumerate(names):
                    for side in ("left", "right"):
                        mark = sets[reader].get(name, {}).get(f"{side}_synthetic", "")
                        if mark != "":
                            truth = key["images"][pairs[name][side]]["synthetic"]
                            table[r, p, (0 if mark else 1) if truth else (2 if mark else 3)] += 1
            totals = table.sum(1)
            recalls = [ratio(t[0], t[0] + t[1]) for t in totals]
            precisions = [ratio(t[0], t[0] + t[2]) for t in totals]
            for r, reader in enumerate(readers):
                row, total, what = found[(group, reader, class_name, kind)], totals[r], f"{reader} {class_name}{kind}"
                check.number(what, row["images"], int(total.sum()))
                check.number(what, row["recall"], recalls[r])
                check.number(what, row["precision"], precisions[r])
                check.number(what, row["accuracy"], ratio(total[0] + total[3], total.sum()))
                for column, hits, trials in (("recall", total[0], total[0] + total[1]),
                                             ("precision", total[0], total[0] + total[2]),
                                             ("accuracy", total[0] + total[3], total.sum())):
                    low, high = wilson(hits, trials)
                    check.number(what, row[f"{column}_low"], low)
                    check.number(what, row[f"{column}_high"], high)
                check.number(what, row["pairs"], int((table[r].sum(1) == 2).sum()))
                check.number(what, row["pairs_right"], int((table[r][:, [0, 3]].sum(1) == 2).sum()))
            row, what = found[(group, "all", class_name, kind)], f"{group} {class_name}{kind}"
            check.number(what, row["recall"], mean(recalls))
            check.number(what, row["precision"], mean(precisions))
            check.number(what, row["accuracy"], mean([ratio(t[0] + t[3], t.sum()) for t in totals]))
            judged = table[table.sum((1, 2)) > 0]
            statistics = [mean_ratio([0], [0, 1]), mean_ratio([0], [0, 2]), mean_ratio([0, 3], [0, 1, 2, 3])]
            check.intervals(what, row, ("recall", "precision", "accuracy"), bootstrap(judged, statistics))


def single_intervals(key, sets, readers, names):
    """Sums a reader and case: sufficient, of; right, of; confidence, of."""
    table = np.zeros((len(readers), len(names), 6))
    for r, reader in enumerate(readers):
        for c, name in enumerate(sorted(names)):
            answer = sets[reader].get(name, {})
            for i, (column, value) in enumerate((("quality_sufficient", lambda a: a),
                                                 ("class", lambda a: a == key["trials"][name]["class"]),
                                                 ("confidence", lambda a: a))):
                if answer.get(column, "") != "":
                    table[r, c, 2 * i:2 * i + 2] = value(answer[column]), 1
    answered = [any(name in sets[reader] for name in names) for reader in readers]
    return bootstrap(table[answered], [pooled_ratio([2 * i], [2 * i + 1]) for i in range(3)])


def compare_singles(check, key, sets, groups, out):
    alignment = read_rows(out / "alignment.csv", "group", "reader", "images_are")
    confusion = read_rows(out / "confusion.csv", "group", "images_are", "true_class")
    for group, readers in groups.items():
        for kind in ("real", "synthetic"):
            names = [n for n, t in key["trials"].items() if t["type"] == kind]
            for reader in readers + ["all"]:
                of = readers if reader == "all" else [reader]
                answers = [(key["trials"][n]["class"], sets[r][n]) for r in of for n in names if n in sets[r]]
                quality = [a["quality_sufficient"] for _, a in answers if a["quality_sufficient"] != ""]
                right = [c == a["class"] for c, a in answers if a["class"] != ""]
                sure = [a["confidence"] for _, a in answers if a["confidence"] != ""]
                row, what = alignment[(group, reader, kind)], f"{group} {reader} {kind}"
                check.number(what, row["images"], len(answers))
                for column, values in (("quality", quality), ("class", right)):
                    check.number(what, row[f"{column}_rate"], ratio(sum(values), len(values)))
                    if reader != "all":
                        low, high = wilson(sum(values), len(values))
                        check.number(what, row[f"{column}_low"], low)
                        check.number(what, row[f"{column}_high"], high)
                check.number(what, row["confidence_mean"], float(np.mean(sure)) if sure else None)
                check.number(what, row["confidence_sd"], float(np.std(sure, ddof=1)) if len(sure) > 1 else None)
                if reader == "all":
                    check.intervals(what, row, ("quality", "class", "confidence"), single_intervals(key, sets, readers, names))
                    for true in key["classes"]:
                        for chosen in key["classes"]:
                            check.number(what, confusion[(group, kind, true)][chosen],
                                         sum(c == true and a["class"] == chosen for c, a in answers))


def compare_times(check, key, sets, groups, out):
    found = read_rows(out / "response_times.csv", "group", "reader", "type")
    for group, readers in groups.items():
        for kind in TYPES + ["real", "synthetic"]:
            for reader in readers + ["all"]:
                seconds = [a["response_ms"] / 1000 for r in (readers if reader == "all" else [reader])
                           for n, a in sets[r].items() if key["trials"][n]["type"] == kind and a["response_ms"] != ""]
                expected = np.percentile(seconds, [25, 50, 75]) if seconds else [None] * 3
                for column, value in zip(("quartile_1", "median", "quartile_3"), expected):
                    check.number(f"{group} {reader} {kind}", found[(group, reader, kind)][column], value)


def compare_agreement(check, key, sets, groups, out):
    found = read_rows(out / "agreement.csv", "group", "question")
    pairs = [n for n, t in key["trials"].items() if t["part"] == "pairs"]
    singles = [n for n, t in key["trials"].items() if t["part"] == "singles"]
    questions = {"synthetic": ([(n, f"{s}_synthetic") for n in pairs for s in ("left", "right")], [0, 1]),
                 "class": ([(n, "class") for n in singles], key["classes"]),
                 "quality": ([(n, "quality_sufficient") for n in singles], [0, 1])}
    for group, readers in groups.items():
        for question, (items, categories) in questions.items():
            answers = [[sets[r].get(n, {}).get(column, "") for n, column in items] for r in readers]
            answers = [row for row in answers if any(a != "" for a in row)]
            table = [[sum(a == c for a in column) for c in categories] for column in zip(*answers) if "" not in column]
            kappa = None
            if table and len(answers) > 1:
                with np.errstate(invalid="ignore"):
                    kappa = float(fleiss_kappa(np.array(table)))
            row = found[(group, question)]
            check.number(f"{group} {question}", row["readers"], len(answers))
            check.number(f"{group} {question}", row["items"], len(table))
            check.number(f"{group} {question}", row["kappa"], kappa)


def main():
    program, check, answer_sets, empty, short = sys.argv[1], Comparison(), 0, 0, 0
    for number in range(5):
        rng = np.random.default_rng(number)
        key, sets = make_key(rng, number), {}
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "answers").mkdir()
            for reader in key["readers"]:
                rows, sets[reader] = make_rows(rng, key, reader)
                write_answers(folder / "answers", key, reader, rows, rng)
                answer_sets += 1
                empty += not rows
                short += 0 < len(sets[reader]) < len(key["trials"]) or any(
                    "" in (list(a.values())[5:7] if a["part"] == "pairs" else list(a.values())[7:10])
                    for a in sets[reader].values())
            (folder / "key.json").write_text(json.dumps(key))
            out = folder / "out"
            subprocess.run([program, "eval", "reader-study", "score", "--key", folder / "key.json", "--answers",
                            folder / "answers", "--out", out, "--bootstrap", str(DRAWS)], check=True,
                           stdout=subprocess.DEVNULL)
            groups = {}
            for reader, entry in key["readers"].items():
                groups.setdefault(entry["group"], []).append(reader)
            for compare in (compare_realism, compare_singles, compare_times, compare_agreement):
                compare(check, key, sets, groups, out)
    print(f"{answer_sets} answer sets ({empty} empty, {short} incomplete): {check.values} values, largest difference "
          f"{check.worst:.1e} (printed with 6 digits), {len(check.faults)} differ")
    print("\n".join(check.faults[:20]))
    return 1 if check.faults else 0


if __name__ == "__main__":
    sys.exit(main())
