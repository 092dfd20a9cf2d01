#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""tally.py [--broken N] LOG.json ...: adds up Meson's test logs.

Names what failed and prints "N passed, N failed" as its last line. A build that broke (N of them),
a log that is missing and a run of no test at all count as failures."""
import json
import sys

PASSED, SKIPPED = {"OK", "EXPECTEDFAIL"}, {"SKIP"}


def main(args):
    broken = 0
    if args[:1] == ["--broken"]:
        broken, args = int(args[1]), args[2:]
    passed, skipped, failed = 0, 0, ["a build"] * broken
    for path in args:
        try:
            with open(path, encoding="utf-8") as log:
                tests = [json.loads(line) for line in log if line.strip()]
        except OSError as error:
            failed.append(f"{path}: {error.strerror}")
            continue
        for test in tests:
            if test["result"] in PASSED:
                passed += 1
            elif test["result"] in SKIPPED:
                skipped += 1
                print(f"skipped: {test['name']}")
            else:
                failed.append(f"{test['name']} ({test['result'].lower()})")
    if not passed and not failed:
        failed.append("no test was run")
    for name in failed:
        print(f"failed: {name}")
    print(f"{passed} passed, {len(failed)} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
