#!/usr/bin/env python3
"""Writes tests/golden: what the reference libraries compute, for the tests to compare with.

usage: .venv-peers/bin/python scripts/make_golden.py      (scripts/setup_peers.sh makes .venv-peers)

Each file of scripts/golden writes its own part; running this again gives the same files.
"""
import pathlib
import subprocess
import sys

SCRIPTS = pathlib.Path(__file__).parent


def main() -> None:
    folder = SCRIPTS.parent / "tests/golden"
    for script in sorted((SCRIPTS / "golden").glob("*.py")):
        print(script.name, flush=True)
        subprocess.run([sys.executable, script, folder], check=True)


if __name__ == "__main__":
    main()
