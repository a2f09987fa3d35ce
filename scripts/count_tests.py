#!/usr/bin/env python3
"""Prints `N passed, N failed, N skipped` over all test cases; exits 1 on a failure or when no test ran.

usage: count_tests.py FOLDER   (GoogleTest's XML files and ctest's ctest.junit)

A GoogleTest program counts by its cases; one that ended before writing them (a crash, a time-out) and a test that is
no GoogleTest program count as one.
"""
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def count_cases(file: pathlib.Path) -> tuple[int, int, int]:
    passed = failed = skipped = 0
    for case in ElementTree.parse(file).getroot().iter("testcase"):
        if case.find("failure") is not None:
            failed += 1
        elif case.get("result") == "skipped" or case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def main() -> int:
    folder = pathlib.Path(sys.argv[1])
    cases = {file.stem: count_cases(file) for file in folder.glob("*.xml")}
    total = [0, 0, 0]
    for entry in ElementTree.parse(folder / "ctest.junit").getroot().iter("testcase"):
        status = entry.get("status")
        counts = cases.get(entry.get("name").replace("/", "_"))
        if counts is None or (status == "fail" and counts[1] == 0):
            counts = (status == "run", status == "fail", status not in ("run", "fail"))
        total = [a + b for a, b in zip(total, counts)]
        if counts[1]:
            print(f"failed: {entry.get('name')}")
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())
