#!/usr/bin/env python3
"""Measures a media pod and a LiveKit server with the same clients, one server at a time, and prints one table.

Each server runs alone on the first processor, `convene bench` on the second, over loopback. Rounds alternate: A B, B A, A B and so on. Processor time is
that of all threads of the server's process. It sends to this machine only, and leaves no process behind.
"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import resource
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.request

from figures import table

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
SERVER_CORE, GENERATOR_CORE = 0, 1
# Subscribers of the runs that measure joins without load: with newcomers, and without a crowd that joins with them.
FEW = 10
# A run is repeated if the host or other programs used more of the processors than this, in percent.
MAX_STEAL, MAX_OTHERS = 1.0, 2.0
START_SECONDS, STOP_SECONDS = 20, 10


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=30, help="of each measurement")
    parser.add_argument("--settle", type=int, default=10, help="seconds between the last join and the measurement")
    parser.add_argument("--subscribers", default="100,200,500", help="comma separated")
    parser.add_argument("--ramp", type=float, default=20, help="joins per second")
    parser.add_argument("--newcomers", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=1, help="of a run that other programs disturbed")
    parser.add_argument("--servers", default="convene,livekit", help="one of them alone, to look closer")
    parser.add_argument("--simulcast", action="store_true")
    parser.add_argument("--port", type=int, default=22800, help="the first of the ports that the servers use")
    parser.add_argument("--pod", default=REPOSITORY / "target/release/convene-media-pod", type=pathlib.Path)
    parser.add_argument("--bench", default=REPOSITORY / "target/livekit/convene", type=pathlib.Path)
    parser.add_argument("--livekit", type=pathlib.Path, help="the program that build.sh has built")
    parser.add_argument("--output", type=pathlib.Path, help="file for the values of all runs")
    return parser.parse_args()


def pinned(core):
    """In the child, before the program starts: both are allowed to open thousands of files."""

    def prepare():
        os.sched_setaffinity(0, {core})
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    return prepare


def command_of(server, options, folder):
    """The server's command, and the target and arguments of the generator."""
    port = options.port
    if server == "convene":
        # The web app is not measured, and need not be built.
        (folder / "index.html").touch()
        command = [options.pod, "--dev", "--web-dir", folder, "--listen", f"127.0.0.1:{port}", "--workers", "1"]
        command += ["--max-peers", "2000", "--rtc-ports", f"{port + 10}-{port + 49}"]
        return command, [f"ws://127.0.0.1:{port}/signal/load"]
    key_file = folder / "key"
    key_file.touch(mode=0o600)
    key_file.write_text(f"measure: {secrets.token_hex(32)}\n")
    command = [options.livekit, "--config", HERE / "livekit.yaml", "--node-ip", "127.0.0.1", "--key-file", key_file]
    command += ["--port", str(port), "--rtc.tcp_port", str(port + 1), "--udp-port", str(port + 2)]
    return command, [f"ws://127.0.0.1:{port}/rtc/load", "--livekit-key-file", key_file]


@contextlib.contextmanager
def running(command, url, log):
    """The server, once this URL answers with success; it has ended afterwards."""
    with open(log, "ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, preexec_fn=pinned(SERVER_CORE))
    try:
        wait_until_ready(process, url, log)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_ready(process, url, log):
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1):
            return
        time.sleep(0.05)
    sys.exit(f"the server did not start; its log:\n{pathlib.Path(log).read_text(errors='replace')[-2000:]}")


def processors():
    """Ticks of all processors since the start of the machine: used by programs, stolen by the host, and all."""
    fields = [int(field) for field in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, _, _, _, _, steal = fields
    return user + nice + system, steal, sum(fields)


def ticks_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def measure(server, subscribers, options, folder):
    """One run of the generator against a server of its own."""
    command, target = command_of(server, options, folder)
    few = subscribers == FEW
    ramp, seconds = (2, max(1, options.seconds // 3)) if few else (options.ramp, options.seconds)
    bench = [options.bench, "bench", *target, "--json", "--publishers", "1", "--subscribers", str(subscribers)]
    bench += ["--ramp", str(ramp), "--settle", f"{options.settle}s", "--duration", f"{seconds}s", "--step-limit", "1m"]
    bench += ["--newcomers", str(options.newcomers)] if few else []
    bench += ["--simulcast"] if options.simulcast else []
    ready = f"http://127.0.0.1:{options.port}/" + ("readyz" if server == "convene" else "")
    with running(command, ready, folder / f"{server}.log") as process:
        before, own_before, server_before = processors(), os.times(), ticks_of(process.pid)
        bench += ["--server-pid", str(process.pid)]
        ended = subprocess.run(bench, stdin=subprocess.DEVNULL, capture_output=True, text=True, preexec_fn=pinned(GENERATOR_CORE))
        after, own_after = processors(), os.times()
        used = (ticks_of(process.pid) - server_before) if process.poll() is None else 0
    generator = own_after.children_user + own_after.children_system - own_before.children_user - own_before.children_system
    busy, stolen, total = (now - then for now, then in zip(after, before))
    others = busy - used - generator * os.sysconf("SC_CLK_TCK")
    disturbance = {"stealPercent": round(stolen * 100 / total, 2), "othersPercent": round(max(0, others) * 100 / total, 2)}
    report = json.loads(ended.stdout) if ended.stdout else None
    error = ended.stderr.strip() or None
    return {"server": server, "subscribers": subscribers, **disturbance, "error": error, "report": report}


def is_disturbed(run):
    return run["stealPercent"] > MAX_STEAL or run["othersPercent"] > MAX_OTHERS


def measure_undisturbed(server, subscribers, options, folder):
    for _ in range(options.repeats + 1):
        run = measure(server, subscribers, options, folder)
        if not is_disturbed(run):
            break
    if run["report"] is None:
        print(f"{server} {subscribers}: {run['error']}", file=sys.stderr, flush=True)
        return run
    micros = run["report"]["server"].get("microsPerPacket") or 0
    note = f" (others used {run['othersPercent']} %)" if is_disturbed(run) else ""
    print(f"{server} {subscribers}: {micros:.2f} us per packet, {run['report']['media']['lost']} lost{note}", file=sys.stderr, flush=True)
    return run


def machine():
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = next((line.split(": ", 1)[1] for line in info.splitlines() if line.startswith("model name")), "unknown")
    return {"processor": model, "processors": os.cpu_count(), "kernel": platform.release()}


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY).stdout.strip()


def main():
    options = arguments()
    options.livekit = options.livekit or pathlib.Path(output_of(HERE / "build.sh"))
    servers = options.servers.split(",")
    cases = [FEW] * (options.newcomers > 0) + [int(number) for number in options.subscribers.split(",")]
    runs = []
    with tempfile.TemporaryDirectory(prefix="measure-livekit-") as folder:
        for number in range(options.rounds):
            for subscribers in cases:
                for server in servers if number % 2 == 0 else reversed(servers):
                    runs.append(measure_undisturbed(server, subscribers, options, pathlib.Path(folder)))
    disturbed = sum(map(is_disturbed, runs))
    if options.output:
        facts = {
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "revision": output_of("git", "describe", "--always", "--dirty"),
            "machine": machine(),
            "livekit": output_of(options.livekit, "--version"),
            "arguments": {name: str(value) for name, value in vars(options).items() if name in ("rounds", "seconds", "settle", "ramp", "simulcast")},
            "disturbed": disturbed,
            "runs": runs,
        }
        options.output.write_text(json.dumps(facts, indent=1) + "\n")
    measured = [run for run in runs if run["report"]]
    print(table(measured))
    if len(measured) < len(runs):
        print(f"\n{len(runs) - len(measured)} of {len(runs)} runs failed: most clients could not join.")
    if disturbed:
        print(f"\n{disturbed} of {len(runs)} runs were disturbed: other programs used the processors. Only ratios of such runs are worth something.")


main()
