#!/usr/bin/env python3
"""Finds circles among the modules of each crate: files that use each other, directly or through others.

    tests/circles.py [FOLDER...]      the src folders of crates; without any, those of the whole workspace

A module uses another one where a `use` or a path names it. `mod` alone is no use, test modules do not count. The last line says how many
circles there are; the exit code is 1 if there is one.
"""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

INLINE_TESTS = re.compile(r"#\[cfg\(test\)\]\s*(?:pub(?:\([^)]*\))? )?mod \w+ \{")
TEST_MODULES = re.compile(r"#\[cfg\(test\)\]\s*(?:pub(?:\([^)]*\))? )?mod (\w+);")
USE = re.compile(r"\buse\s+([^;]+);")
PATH = re.compile(r"\b((?:crate|super|self)(?:::\w+)+)")


def module_of(root, file):
    parts = list(file.relative_to(root).with_suffix("").parts)
    if parts[-1] == "mod":
        parts.pop()
    return () if parts == ["lib"] else tuple(parts)


def split_list(text):
    """The members of `a, b::{c, d}, e` at the outer level."""
    members, depth, member = [], 0, ""
    for letter in text:
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            members.append(member)
            member = ""
        else:
            member += letter
    return [member.strip() for member in [*members, member] if member.strip()]


def expand(tree):
    """The paths of a use tree."""
    match = re.fullmatch(r"([^{]*)\{(.*)\}", tree.strip(), re.DOTALL)
    if not match:
        return [tree.split(" as ")[0].strip()]
    return [match[1] + path for member in split_list(match[2]) for path in expand(member)]


def paths_of(source):
    tests = INLINE_TESTS.search(source)
    code = re.sub(r"//.*", "", source[: tests.start()] if tests else source)
    uses = [path for tree in USE.findall(code) for path in expand(re.sub(r"\s+", " ", tree))]
    return uses + PATH.findall(USE.sub("", code))


def resolve(path, module, modules):
    """The module that `path`, written in `module`, lies in; None for other crates."""
    parts = [part for part in path.split("::") if part]
    if not parts or parts[0] not in ("crate", "super", "self"):
        return None
    base = [] if parts[0] == "crate" else list(module)
    while parts and parts[0] in ("crate", "super", "self"):
        if parts.pop(0) == "super":
            base = base[:-1]
    full = base + parts
    return next((tuple(full[:n]) for n in range(len(full), -1, -1) if tuple(full[:n]) in modules), None)


def test_modules(modules, sources):
    """Modules that only tests have, with everything under them."""
    only = {(*module, name) for module in modules for name in TEST_MODULES.findall(sources[module])}
    return {module for module in modules if any(module[: len(test)] == test for test in only)}


def graph_of(root):
    files = {module_of(root, file): file for file in root.rglob("*.rs")}
    sources = {module: file.read_text() for module, file in files.items()}
    tests = test_modules(files, sources)
    graph = defaultdict(set)
    for module in files.keys() - tests:
        found = (resolve(path, module, files) for path in paths_of(sources[module]))
        graph[module] = {other for other in found if other is not None and other != module and other not in tests}
    return graph


def circles_of(graph):
    """Strongly connected components of more than one module (Tarjan), without recursion."""
    index, low, stack, circles = {}, {}, [], []
    for start in sorted(graph):
        if start in index:
            continue
        index[start] = low[start] = len(index)
        stack.append(start)
        work = [(start, iter(sorted(graph[start])))]
        while work:
            node, others = work[-1]
            other = next(others, None)
            if other is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    circle = stack[stack.index(node):]
                    del stack[stack.index(node):]
                    circles += [circle] if len(circle) > 1 else []
            elif other not in index:
                index[other] = low[other] = len(index)
                stack.append(other)
                work.append((other, iter(sorted(graph.get(other, ())))))
            elif other in stack:
                low[node] = min(low[node], index[other])
    return circles


def workspace():
    command = ["git", "ls-files", "--", "*/src/lib.rs"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parent.parent).stdout
    return [Path(__file__).parent.parent / Path(line).parent for line in listed.split()]


def main():
    found = 0
    for root in [Path(argument) for argument in sys.argv[1:]] or workspace():
        for circle in circles_of(graph_of(root)):
            found += 1
            print(f"{root}: " + ", ".join(sorted("::".join(module) or "lib" for module in circle)))
    print(f"{found} circles")
    sys.exit(1 if found else 0)


main()
