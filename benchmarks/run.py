"""Run the benchmarks, print their tables, and keep README.md true to them."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
BENCHMARKS = (
    "article",
    "unseen",
    "speed",
    "audio",
    "tempo",
    "maps",
    "library",
    "collect",
    "server",
    "page",
)


def run(name: str) -> str:
    """Run one benchmark, showing its output as it comes."""
    print(f"\n## {name}\n", flush=True)
    command = [sys.executable, str(HERE / f"{name}.py")]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode:
        sys.exit(f"benchmark {name} failed with code {process.returncode}")
    return "".join(lines)


def write(name: str, tables: str) -> None:
    """Put tables between the marks of a benchmark in README.md."""
    text = README.read_text(encoding="utf-8")
    marks = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
    pattern = re.escape(marks[0]) + ".*?" + re.escape(marks[1])
    if not re.search(pattern, text, re.DOTALL):
        sys.exit(f"README.md has no marks {marks[0]} … {marks[1]}")
    block = f"{marks[0]}\n{tables.strip()}\n{marks[1]}"
    README.write_text(re.sub(pattern, lambda _: block, text, flags=re.DOTALL), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--readme", action="store_true", help="write the tables into README.md")
    arguments = parser.parse_args()
    for name in arguments.names or BENCHMARKS:
        if name not in BENCHMARKS:
            parser.error(f"unknown benchmark {name!r}; there are {', '.join(BENCHMARKS)}")
        tables = run(name)
        if arguments.readme:
            write(name, tables)


if __name__ == "__main__":
    main()
