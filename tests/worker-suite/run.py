#!/usr/bin/env python3
"""Runs the C++ tests of mediasoup's worker that cover what media-pod/mediasoup-build/patches change.

They are compiled from the patched copy of the worker's sources, with the distribution's Catch2, and linked with the worker that
the step `rust` has compiled. `MS_TEST` only makes members public, but for a constructor, so the objects fit each other; the tests of
SCTP, which need more of it, are left out.

    tests/worker-suite/run.py [ARGUMENT OF CATCH2...]

It never compiles the worker itself.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "target/worker-suite"
HAS_CATCH2_2 = Path("/usr/include/catch2/catch.hpp").exists()
# What the patches change, and what depends on it; in the worker's sources.
TESTS = (
    "test/src/tests.cpp",
    "test/src/testHelpers.cpp",
    "test/src/RTC/TestConsumer.cpp",
    "test/src/RTC/Test*ProducerStreamManager.cpp",
    "test/src/RTC/BWE/**/*.cpp",
    "test/src/RTC/RTP/rtpCommon.cpp",
    "test/src/Utils/TestCrypto.cpp",
    "test/src/handles/*.cpp",
    "mocks/src/**/*.cpp",
    # Has a constructor for tests only. It replaces the one in the library.
    "src/Channel/ChannelSocket.cpp",
)


def worker_output():
    """The folder of the worker that was compiled last."""
    libraries = ROOT.glob("target/ci/build/mediasoup-sys-*/out/libmediasoup-worker.a")
    newest = max(libraries, key=lambda library: library.stat().st_mtime, default=None)
    if newest is None:
        sys.exit("worker-suite: the worker is not compiled; run tests/run.sh rust first")
    return newest.parent


def compiler(out):
    """The command line with which the worker was compiled, without its input and output and without optimization."""
    commands = json.loads((out / "build/compile_commands.json").read_text())
    command = next(c["command"] for c in commands if c["file"].endswith("/UdpSocketHandle.cpp"))
    words = iter(shlex.split(command))
    kept = []
    for word in words:
        if word in ("-MQ", "-MF", "-o", "-c"):
            next(words)
        elif word not in ("-MD", "-O3"):
            kept.append(word)
    source = "../build-src"
    names = [f"-I{ROOT}/tests/worker-suite/catch2-names"] if HAS_CATCH2_2 else []
    return [*kept, *names, "-O0", "-DMS_TEST", "-DMS_LOG_STD", f"-I{source}/test/include", f"-I{source}/mocks/include"]


def compile_one(command, out, source):
    name = OUTPUT / (str(source.relative_to(out / "build-src")).replace("/", "_") + ".o")
    relative = os.path.relpath(source, out / "build")
    # ccache recognizes the file wherever it is, as in the build of the worker.
    environment = {**os.environ, "CCACHE_NOHASHDIR": "true"}
    subprocess.run([*command, "-o", name, "-c", relative], cwd=out / "build", env=environment, check=True)
    return name


def libraries():
    found = subprocess.run(["c++", "-print-file-name=libuv_a.a"], capture_output=True, text=True, check=True).stdout
    uv = "-luv_a" if found.startswith("/") else "-luv"  # uv_a: Debian 12
    return [uv, "-lssl", "-lcrypto", "-lpthread", "-ldl", *([] if HAS_CATCH2_2 else ["-lCatch2"])]


def build():
    out = worker_output()
    sources = sorted({path for pattern in TESTS for path in (out / "build-src").glob(pattern)})
    command = compiler(out)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(lambda source: compile_one(command, out, source), sources))
    program = OUTPUT / "suite"
    subprocess.run(["c++", "-o", program, *objects, out / "libmediasoup-worker.a", *libraries()], check=True)
    return program, out / "build-src"


def closing_line(output):
    """`N passed, N failed`, as our other tests end."""
    if passed := re.search(r"All tests passed \(.* in (\d+) test cases?\)", output):
        return f"{passed[1]} passed, 0 failed"
    if counts := re.search(r"test cases: +\d+ \| +(?:(\d+) passed \| +)?(\d+) failed", output):
        return f"{counts[1] or 0} passed, {counts[2]} failed"
    return ""


def main():
    program, folder = build()
    done = subprocess.run([program, *sys.argv[1:]], cwd=folder, stdout=subprocess.PIPE, text=True)
    print(done.stdout, closing_line(done.stdout), sep="")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
