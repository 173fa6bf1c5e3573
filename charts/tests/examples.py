"""Checks every given file against the definitions on standard input: known fields, required ones, limits, allowed values.

An API server checks more (rules across fields); this runs without one.
"""

import sys

import yaml


def problems_of(value, schema, path):
    if "properties" in schema:
        for name in schema.get("required", []):
            if name not in value:
                yield f"{path}.{name} is missing"
        for name, inner in value.items():
            if name in schema["properties"]:
                yield from problems_of(inner, schema["properties"][name], f"{path}.{name}")
            else:
                yield f"{path}.{name} is no field"
    elif "items" in schema:
        for index, inner in enumerate(value):
            yield from problems_of(inner, schema["items"], f"{path}[{index}]")
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path} is {value}, not one of {schema['enum']}"
    if isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{path} is {value}, out of its limits"


def main():
    definitions = {item["spec"]["names"]["kind"]: item["spec"]["versions"][0] for item in yaml.safe_load_all(sys.stdin) if item}
    problems = []
    for file in sys.argv[1:]:
        with open(file) as text:
            for item in yaml.safe_load_all(text):
                if not item["apiVersion"].startswith("convene.dev/"):
                    continue  # a kind of Kubernetes itself
                version = definitions[item["kind"]]
                if item["apiVersion"] != f"convene.dev/{version['name']}":
                    problems.append(f"{file}: unknown version {item['apiVersion']}")
                spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
                problems += [f"{file}: {problem}" for problem in problems_of(item["spec"], spec, "spec")]
    for problem in problems:
        print(f"charts: {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)


main()
