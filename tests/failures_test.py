#!/usr/bin/env python3
"""Tests of failures.py: what the runners print, and what must be left of it. Run by the step lint-scripts."""

import unittest

from failures import LINES, MOST, failures, report

CARGO = """\
     Running unittests src/lib.rs (target/debug/deps/convene_router-0123456789abcdef)

running 2 tests
test works ... ok
test breaks ... FAILED

failures:

---- breaks stdout ----

thread 'breaks' (16851) panicked at router/src/a.rs:2:23:
of the router
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace


failures:
    breaks

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.14s

error: test failed, to rerun pass `-p convene-router --lib`
     Running tests/integration/main.rs (target/debug/deps/integration-fedcba9876543210)

running 4 tests
test deep::errs ... FAILED
test breaks ... FAILED
test should - should panic ... FAILED
test works ... ok

failures:

---- deep::errs stdout ----
Error: "bad"

---- breaks stdout ----
2026-11-30 INFO a worker began
thread 'tokio-rt-worker' (16852) panicked at a.rs:9:1:
of a task

thread 'breaks' (16853) panicked at a.rs:2:23:
assertion `left == right` failed: the sum
  left: 2
 right: 3
stack backtrace:
   0: __rustc::rust_begin_unwind

---- should stdout ----
note: test did not panic as expected at a.rs:5:28

failures:
    breaks
    deep::errs
    should - should panic

test result: FAILED. 1 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.14s

error: 2 targets failed:
    `-p convene-router --lib`
    `-p convene-media-pod --test integration`
"""

NOT_CAPTURED = """\
     Running tests/simulation.rs (target/debug/deps/simulation-0123456789abcdef)
test ends ... seed 1
thread 'ends' (7) panicked at a.rs:1:1:
seed 2: a room leaked
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
seed 3
FAILED

failures:

failures:
    ends

test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.14s
"""

KILLED = """\
running 2 tests
pure virtual method called
error: test failed, to rerun pass `-p convene-media-pod --test integration`

Caused by:
  process didn't exit successfully: `/x/integration-0123456789abcdef` (signal: 6, SIGABRT: process abort signal)
"""

PLAYWRIGHT = """\
Running 2 tests using 1 worker

  ✘  1 [dev] › dev/call.spec.ts:2:1 › both see each other (15ms)
  ✓  2 [dev] › dev/call.spec.ts:9:1 › works (2ms)


  1) [dev] › dev/call.spec.ts:2:1 › both see each other ────────────

    Error: Mia is connected: not within 30 s
    the connection state is connecting

      3 | test.describe('group', () => {
    > 5 | throw
        at /x/call.spec.ts:5:30

    Error Context: ../../test-results/e2e/dev/error-context.md

  1 failed
    [dev] › dev/call.spec.ts:2:1 › both see each other ─────────────
  1 passed (3.2s)
"""

VITEST = """\
 \x1b[31m❯\x1b[39m src/zz.test.ts (2 tests | 1 failed) 76ms

\x1b[41m\x1b[1m FAIL \x1b[22m\x1b[49m src/zz.test.ts\x1b[2m > \x1b[22ma thing\x1b[2m > \x1b[22madds
\x1b[31m\x1b[1mAssertionError\x1b[22m: expected 2 to be 3\x1b[39m

- 3
+ 2

 ❯ src/zz.test.ts:3:36
      1| import

⎯⎯⎯⎯[1/1]⎯
"""

ATTACK = """\
attack                          lost/sent requests  p50 ms  p99 ms peak MiB  verdict
slow-loris                          0/900      100     0.4     2.5      100  held
seat-takeover                       3/900      100     0.4     2.5      100  FAILED: 3 packets were lost
1 passed, 1 failed
"""

CHARTS = """\
wrote a chart
charts: the message about x does not name y: z
12 passed, 1 failed
"""

FUZZ = """\
fuzz: frame: begins
fuzz: frame: nothing found
fuzz: claims: begins
thread panicked
fuzz: run it alone: target/x found/y
1 passed, 1 failed
"""

COMPILER = """\
   Compiling convene-router v0.1.0
error[E0425]: cannot find value `x` in this scope
 --> router/src/a.rs:2:5

error: could not compile `convene-router` (lib) due to 1 previous error
"""


class Failures(unittest.TestCase):
    def check(self, log, *expected):
        self.assertEqual(report(failures(log)), list(expected))

    def test_cargo_names_the_binary_and_the_panic(self):
        self.check(
            CARGO,
            "✗ convene_router breaks",
            "    thread 'breaks' (16851) panicked at router/src/a.rs:2:23:",
            "    of the router",
            "✗ integration breaks",
            "    thread 'breaks' (16853) panicked at a.rs:2:23:",
            "    assertion `left == right` failed: the sum",
            "    left: 2",
            "    right: 3",
            "✗ integration deep::errs",
            '    Error: "bad"',
            "✗ integration should - should panic",
        )

    def test_output_that_was_not_captured(self):
        self.check(NOT_CAPTURED, "✗ simulation ends", "    thread 'ends' (7) panicked at a.rs:1:1:", "    seed 2: a room leaked")

    def test_a_binary_that_ended_by_a_signal(self):
        self.check(
            KILLED,
            "✗ a test binary ended by signal: 6, SIGABRT: process abort signal",
            "    running 2 tests",
            "    pure virtual method called",
            "    process didn't exit successfully: `/x/integration-0123456789abcdef` (signal: 6, SIGABRT: process abort signal)",
        )

    def test_a_binary_that_did_not_end(self):
        log = "running 2 tests\ntest deep::fails ... FAILED\ntest hangs has been running for over 60 seconds\n"
        self.check(log, "✗ deep::fails", "    the binary did not end, so there is no message")
        self.check(CARGO.replace("test result: FAILED. 1", "other") + log, *report(failures(CARGO)), *report(failures(log)))

    def test_playwright(self):
        self.check(
            PLAYWRIGHT,
            "✗ [dev] › dev/call.spec.ts:2:1 › both see each other",
            "    Error: Mia is connected: not within 30 s",
            "    the connection state is connecting",
            "    at /x/call.spec.ts:5:30",
        )

    def test_vitest(self):
        self.check(
            VITEST,
            "✗ src/zz.test.ts > a thing > adds",
            "    AssertionError: expected 2 to be 3",
            "    - 3",
            "    + 2",
            "    ❯ src/zz.test.ts:3:36",
        )

    def test_our_own(self):
        attack = "seat-takeover                       3/900      100     0.4     2.5      100  FAILED: 3 packets were lost"
        self.check(ATTACK, f"✗ {attack}")
        self.check(CHARTS, "✗ charts: the message about x does not name y: z")
        self.check(FUZZ, "✗ fuzz: run it alone: target/x found/y")

    def test_what_does_not_compile(self):
        self.check(COMPILER, "✗ error[E0425]: cannot find value `x` in this scope", "    --> router/src/a.rs:2:5")

    def test_an_unknown_log_is_represented_by_its_end(self):
        self.check("one\n\ntwo\n", "✗ no failed test is named; the log ends with", "    one", "    two")
        self.check("")

    def test_it_is_bounded(self):
        one = report([("long", [f"line {number}" for number in range(100)])])
        self.assertEqual((len(one), one[-1]), (15, "    line 13"))
        many = report([(f"test {number}", ["x" * 1000] * 100) for number in range(25)])
        self.assertEqual((len(many), many[-1]), (LINES + 1, f"… and {25 - MOST} more"))
        self.assertLessEqual(max(map(len, many)), 300)


if __name__ == "__main__":
    unittest.main()
