#!/usr/bin/env python3
"""licenses.py PROGRAM: prints the licenses of the third-party crates that are linked into a program of this workspace.

It reads the license files from the sources that cargo has unpacked anyway. Equal texts are printed once. A crate without a declared
license is an error; a crate that ships no license text is listed with its SPDX expression and repository only. Features and platform are those of the
host, so the list may name a crate that only another program uses, but never misses one.
"""

import json
import os
import re
import subprocess
import sys

TEXTS = re.compile(r"^(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def fail(message):
    sys.exit(f"licenses.py: {message}")


def host():
    version = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    return re.search(r"^host: (.*)$", version, re.MULTILINE)[1]


def metadata():
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", host()]
    # Offline first, because tests must not use the network. A build from scratch has not downloaded the dependencies of tests, which cargo wants here.
    for command in (command + ["--offline"], command):
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if result.returncode == 0:
            return json.loads(result.stdout)
    fail(f"could not read the dependencies:\n{result.stderr}")


def has_target(package, kind, name=None):
    return any(kind in target["kind"] and name in (None, target["name"]) for target in package["targets"])


def linked(program, data):
    """The third-party packages that are reachable by normal dependencies. Procedural macros and build scripts are not in the program."""
    packages = {package["id"]: package for package in data["packages"]}
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    waiting = [id for id in data["workspace_members"] if has_target(packages[id], "bin", program)]
    if not waiting:
        fail(f"the workspace has no program {program!r}")
    seen = set(waiting)
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            id = dependency["pkg"]
            normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if normal and id not in seen and not has_target(packages[id], "proc-macro"):
                seen.add(id)
                waiting.append(id)
    found = [packages[id] for id in seen if packages[id]["source"]]
    return sorted(found, key=lambda package: (package["name"], package["version"]))


def license_files(package):
    folder = os.path.dirname(package["manifest_path"])
    names = {name for name in os.listdir(folder) if TEXTS.match(name)}
    if package["license_file"]:
        names.add(package["license_file"])
    return sorted(path for path in (os.path.join(folder, name) for name in names) if os.path.isfile(path))


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return "\n".join(line.rstrip() for line in file.read().strip().splitlines())


def main():
    if len(sys.argv) != 2:
        fail("usage: licenses.py PROGRAM")
    program = sys.argv[1]
    packages = linked(program, metadata())
    texts = {}
    print(f"Third-party software in {program}: {len(packages)} Rust crates and their licenses.\n")
    for package in packages:
        name = f"{package['name']} {package['version']}"
        if not (package["license"] or package["license_file"]):
            fail(f"{name} declares no license")
        print(f"{name}: {package['license'] or package['license_file']} ({package['repository'] or package['homepage'] or 'no repository given'})")
        for path in license_files(package):
            text = read(path)
            # The same text wrapped differently is the same text.
            users = texts.setdefault(" ".join(text.split()), (text, []))[1]
            if name not in users:
                users.append(name)
    for text, names in sorted(texts.values(), key=lambda entry: entry[1]):
        print(f"\n{'=' * 80}\n{', '.join(names)}\n{'-' * 80}\n{text}")


main()
