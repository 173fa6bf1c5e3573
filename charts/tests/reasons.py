"""Checks that docs/operations.md explains every reason and condition of the operator and every metric of all programs, and none that does
not exist.

It reads the constants out of the Rust files: `reasons.py OPERATIONS.md SOURCE...`.
"""

import re
import sys

CONSTANT = re.compile(r'^pub const ([A-Z_]+): &str = "(\w+)";$', re.MULTILINE)
METRIC = re.compile(r'"(convene_(operator|router|media|log)_\w+)"')
HEADINGS = {"operator": "metric of the operator", "router": "metric of the router", "media": "metric of a media pod",
            "log": "metric of all three"}


def rows_of(text, heading):
    """The first cell of every row of the table that has this heading."""
    rows, inside = [], False
    for line in text.splitlines():
        cells = line.split("|")
        if line.startswith("| " + heading + " |"):
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and "---" not in cells[1]:
            rows.append(cells[1])
    return rows


def words_of(text, heading):
    return [word for cell in rows_of(text, heading) for word in re.findall(r"`(\w+)`", cell)]


def main():
    docs = open(sys.argv[1]).read()
    sources = {path: open(path).read() for path in sys.argv[2:]}
    reasons, conditions, metrics = set(), set(), {program: set() for program in HEADINGS}
    for path, text in sources.items():
        for name, value in CONSTANT.findall(text):
            if path.endswith("names.rs"):
                if name.startswith("CONDITION_"):
                    conditions.add(value)
            else:
                reasons.add(value)
        for metric, program in METRIC.findall(text):
            metrics[program].add(metric)
    problems = []
    told_metrics = [(HEADINGS[program], names) for program, names in metrics.items()]
    for what, wanted in [("reason", reasons), ("condition", conditions), *told_metrics]:
        told = words_of(docs, what)
        problems += [f"{what} {word} is not explained" for word in sorted(wanted - set(told))]
        problems += [f"{what} {word} does not exist" for word in sorted(set(told) - wanted)]
        if not wanted:
            problems.append(f"no {what} was found in {', '.join(sources)}")
    for problem in problems:
        print(f"charts: {sys.argv[1]}: {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)


main()
