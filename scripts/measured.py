#!/usr/bin/env python3
"""Runs a command, then says its time and peak memory on stderr; exits as the command did.

usage: measured.py COMMAND [ARGUMENT...]
"""
import os
import signal
import sys
import time


def main() -> int:
    started = time.monotonic()
    child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
    # Ctrl-C reaches the child too: let it save and end first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: os.kill(child, number))
    _, status, usage = os.wait4(child, 0)
    minutes, seconds = divmod(int(time.monotonic() - started + 0.5), 60)
    print(f"[{minutes} min {seconds:02} s, peak memory {usage.ru_maxrss / 2**20:.2f} GiB]", file=sys.stderr)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
