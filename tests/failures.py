#!/usr/bin/env python3
"""Names the failed tests of one step, from its log: cargo, Playwright, vitest and our own tests.

    tests/failures.py LOG

For each it prints the title and the message, in at most 60 lines altogether, so that it fits the end of a log of which only the end is shown. A
log without a known failure is represented by its last lines. It never fails because of what a log contains.
"""

import re
import sys
from pathlib import Path

MOST = 10
LINES = 60
LINES_OF_ONE = 15
WIDTH = 300

COLOR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
BINARY = re.compile(r"^ +(?:Running .*\((?:.*/)?([\w-]+?)(?:-[0-9a-f]{16})?\)|Doc-tests (\S+))$")
LISTED = re.compile(r"^    (\S.*)$")
FAILED = re.compile(r"^test (\S.*) \.\.\. FAILED$")
CAPTURED = re.compile(r"^---- (.+) stdout ----$")
PANIC = re.compile(r"^thread '(.*)' (?:\(\d+\) )?panicked at ")
KILLED = re.compile(r"process didn't exit successfully: .*\((signal: .*)\)")
PLAYWRIGHT = re.compile(r"^  \d+\) (\[.*?)(?: ─+)?$")
SOURCE = re.compile(r"^ +(?:> )? *\d* \|")
VITEST = re.compile(r"^ FAIL  (.+)$")
OWN = re.compile(r"^(?:.*\bFAILED: |(?:charts|cluster|fuzz): (?!.*(?:begins|nothing found|works:|skipped)))")
COMPILER = re.compile(r"^error(\[E\d+\])?: (?!test failed|\d+ targets? failed|could not compile|aborting)")


def take(lines, stops):
    """The lines before the first that a pattern of `stops` matches, without blank ones."""
    taken = []
    for line in lines:
        if any(re.match(stop, line) for stop in stops):
            break
        if line.strip():
            taken.append(line)
    return taken


def message_of(name, lines):
    """The panic of a Rust test: that of its own thread if there is one, else the first; a test that returns an error does not panic."""
    panics = [number for number, line in enumerate(lines) if PANIC.match(line)]
    own = [number for number in panics if PANIC.match(lines[number])[1] == name]
    start = (own or panics or [0])[0]
    return take(lines[start:], ["stack backtrace:", "note: ", "test result: "])


def cargo(lines):
    """The list at the end of each test binary names what failed, also where the output was not captured."""
    found, binary, began, captured = [], "", 0, {}
    for number, line in enumerate(lines):
        if match := BINARY.match(line):
            binary, began, captured = match[1] or match[2], number, {}
        elif match := CAPTURED.match(line):
            captured[match[1]] = number + 1
        elif line == "failures:" and (names := list_after(lines, number)):
            found += [(f"{binary} {name}".strip(), message_in(lines, name, began, number, captured)) for name in names]
            began = number + 1
    return found + unlisted(lines[began:])


def unlisted(lines):
    """The failed tests of a binary that did not come to its list: it was ended, or hangs."""
    return [(match[1], ["the binary did not end, so there is no message"]) for line in lines if (match := FAILED.match(line))]


def list_after(lines, number):
    names = []
    for line in lines[number + 1 :]:
        match = LISTED.match(line)
        if not match:
            break
        names.append(match[1])
    return names


def message_in(lines, name, began, end, captured):
    name = name.removesuffix(" - should panic")
    start = captured.get(name)
    if start is None:
        own = [number for number in range(began, end) if (match := PANIC.match(lines[number])) and match[1] == name]
        return message_of(name, lines[own[0] : end]) if own else []
    stop = min((number - 1 for number in captured.values() if number > start), default=end)
    return message_of(name, lines[start:stop])


def killed(lines):
    """Test binaries that ended by a signal: what they ran then is not known, but the last lines before may say it."""
    found = []
    for number, line in enumerate(lines):
        if match := KILLED.search(line):
            before = [text for text in lines[max(0, number - 8) : number] if text.strip() and not text.startswith(("error:", "Caused by:"))]
            found.append((f"a test binary ended by {match[1]}", before + [line.strip()]))
    return found


def playwright(lines):
    found = []
    for number, line in enumerate(lines):
        if match := PLAYWRIGHT.match(line):
            message = take(lines[number + 1 :], [r"  \S", " +Error Context:"])
            found.append((match[1], [line for line in message if not SOURCE.match(line)]))
    return found


def vitest(lines):
    found = []
    for number, line in enumerate(lines):
        if match := VITEST.match(line):
            found.append((match[1], take(lines[number + 1 :], [" FAIL ", r" +\d+\|", "⎯"])))
    return found


def own(lines):
    return [(line.strip(), []) for line in lines if OWN.match(line)]


def compiler(lines):
    return [(line, take(lines[number + 1 :], [" +Compiling ", "error"])[:3]) for number, line in enumerate(lines) if COMPILER.match(line)]


def last_lines(lines):
    last = [line for line in lines if line.strip()][-LINES_OF_ONE:]
    return [("no failed test is named; the log ends with", last)] if last else []


def failures(log):
    """(title, lines of the message) of each."""
    lines = [COLOR.sub("", line) for line in log.splitlines()]
    of_runners = cargo(lines) + killed(lines) + playwright(lines) + vitest(lines)
    return of_runners or own(lines) or compiler(lines) or last_lines(lines)


def report(found):
    shown = found[:MOST]
    if not shown:
        return []
    most = min(LINES_OF_ONE, LINES // len(shown))
    lines = []
    for title, message in shown:
        lines.append(f"✗ {title}"[:WIDTH])
        lines += [f"    {line.strip()}"[:WIDTH] for line in message[: most - 1]]
    return lines + ([f"… and {len(found) - MOST} more"] if len(found) > MOST else [])


def main():
    sys.stdout.reconfigure(encoding="utf-8")
    print(*report(failures(Path(sys.argv[1]).read_text(encoding="utf-8", errors="replace"))), sep="\n")


if __name__ == "__main__":
    main()
