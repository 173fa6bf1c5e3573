"""Medians, ratios with bootstrap intervals, and the table of `make measure-livekit`. Pure: reads no file and no clock."""

import random
from statistics import median

# Resamples of a bootstrap; the same ones every time, so that a table follows from its values.
RESAMPLES = 10_000
SEED = 1


def ratio(ours, theirs):
    """The ratio of the medians, and its 95 % interval: both sides are resampled independently."""
    source = random.Random(SEED)
    resample = lambda values: median(source.choices(values, k=len(values)))
    ratios = sorted(resample(ours) / resample(theirs) for _ in range(RESAMPLES))
    return median(ours) / median(theirs), ratios[RESAMPLES * 25 // 1000], ratios[RESAMPLES * 975 // 1000 - 1]


def values(runs, server, subscribers, figure):
    """The values of a figure in all runs that have it."""
    found = (figure(run) for run in runs if run["server"] == server and run["subscribers"] == subscribers)
    return [value for value in found if value is not None]


def cell(numbers, digits):
    """Median and range."""
    if not numbers:
        return "none"
    text = f"{median(numbers):.{digits}f}"
    return text if len(numbers) == 1 else f"{text} ({min(numbers):.{digits}f} – {max(numbers):.{digits}f})"


def row(runs, subscribers, name, figure, digits):
    """A row of the table: ours, theirs, and the ratio if both are above zero."""
    ours, theirs = (values(runs, server, subscribers, figure) for server in ("convene", "livekit"))
    comparable = ours and theirs and min(ours) > 0 and min(theirs) > 0
    text = "{:.2f} ({:.2f} – {:.2f})".format(*ratio(ours, theirs)) if comparable else ""
    return f"| {subscribers} | {name} | {cell(ours, digits)} | {cell(theirs, digits)} | {text} |"


# Name, how to take it from a report of `convene bench --json`, digits.
FIGURES = [
    ("processor time per delivered packet, us", lambda run: run["report"]["server"].get("microsPerPacket"), 2),
    ("processors", lambda run: run["report"]["server"].get("processors"), 3),
    ("not delivered, % of what was sent", lambda run: missing(run["report"]["media"]), 3),
    ("delivered packets per second", lambda run: run["report"]["media"]["delivered"] / run["report"]["media"]["seconds"], 0),
    ("one-way delay p50, ms", lambda run: run["report"]["media"]["delay"]["p50Ms"], 1),
    ("one-way delay p99, ms", lambda run: run["report"]["media"]["delay"]["p99Ms"], 1),
    ("time to join p50, ms", lambda run: run["report"]["joins"]["time"]["p50Ms"], 1),
    ("time to join p99, ms", lambda run: run["report"]["joins"]["time"]["p99Ms"], 1),
    ("first key frame of another p50, ms", lambda run: run["report"]["joins"]["firstKeyFrame"]["p50Ms"], 1),
    ("first key frame of another p99, ms", lambda run: run["report"]["joins"]["firstKeyFrame"]["p99Ms"], 1),
    ("newcomer's first key frame at the others p50, ms", lambda run: newcomer(run, "p50Ms"), 1),
    ("newcomer's first key frame at the others p99, ms", lambda run: newcomer(run, "p99Ms"), 1),
    ("memory per client, MB", lambda run: megabytes(run["report"]["server"].get("kibPerClient")), 3),
]


def missing(media):
    """Packets that did not arrive, in percent; those under way at the beginning may make it negative."""
    delivered = media.get("deliveredPercent")
    return None if delivered is None else max(0.0, 100.0 - delivered)


def newcomer(run, percentile):
    found = run["report"]["joins"]["newcomer"]
    return found[percentile] if found["count"] else None


def megabytes(kib):
    return None if kib is None else kib * 1024 / 1e6


def table(runs):
    """All figures at each number of subscribers, in Markdown."""
    lines = ["| subscribers | what | Convene | LiveKit | ratio (95 % interval) |", "| --- | --- | --- | --- | --- |"]
    for subscribers in sorted({run["subscribers"] for run in runs}):
        for name, figure, digits in FIGURES:
            if any(figure(run) is not None for run in runs if run["subscribers"] == subscribers):
                lines.append(row(runs, subscribers, name, figure, digits))
    return "\n".join(lines)
