"""The house rules: layers, sizes, docstrings, and no way to load a pickle."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import affetto

ROOT = Path(__file__).parents[1]
PACKAGE = Path(affetto.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 500
# Modules allowed to be longer: path within the package, and why.
JUSTIFIED: dict[str, str] = {}
PICKLES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "shelve", "marshal"}


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


each_module = pytest.mark.parametrize("path", MODULES, ids=name_of)


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def test_every_file_imports_only_from_below():
    code = "from importlinter.cli import lint_imports_command as run; run()"
    run = subprocess.run(
        [sys.executable, "-c", code, "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@each_module
def test_a_module_starts_with_its_job(path):
    docstring = ast.get_docstring(parse(path))
    assert docstring, "no docstring"
    first, _, rest = docstring.partition("\n")
    assert first.endswith("."), f"the job is not said in one line: {first!r}"
    assert not rest or rest.startswith("\n"), "a blank line follows the job"


@each_module
def test_a_module_is_not_too_long(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST or JUSTIFIED.get(name_of(path)), f"{lines} lines"


def test_every_long_module_is_long_still():
    for name in JUSTIFIED:
        assert len((PACKAGE / name).read_text(encoding="utf-8").splitlines()) > LONGEST


def public_definitions(tree):
    """Public functions and classes of a module, and the public methods of those classes."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in tree.body:
        if isinstance(node, kinds) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node)


@each_module
def test_every_public_name_has_a_docstring(path):
    silent = [node.name for node in public_definitions(parse(path)) if not ast.get_docstring(node)]
    assert silent == []


def pickle_doors(tree):
    """Whatever in a module could load a pickle, as text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
            if node.module == "joblib":
                modules += [name.name for name in node.names if name.name in {"load", "dump"}]
        else:
            modules = []
        for module in modules:
            if module.partition(".")[0] in PICKLES or module in {"load", "dump"}:
                yield f"line {node.lineno}: imports {module}"
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        allowed = {word.arg: word.value for word in node.keywords}.get("allow_pickle")
        refuses = isinstance(allowed, ast.Constant) and allowed.value is False
        if called in {"joblib.load", "joblib.dump", "polars.read_pickle", "pd.read_pickle"} or (
            (called in {"np.load", "numpy.load"} or allowed is not None) and not refuses
        ):
            yield f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "import dill as d",
        "from joblib import load",
        "import joblib\njoblib.load(p)",
        "np.load(p)",
        "np.load(p, allow_pickle=True)",
        "np.lib.format.read_array(f, allow_pickle=flag)",
    ],
)
def test_a_door_is_recognised(code):
    assert list(pickle_doors(ast.parse(code)))


def test_a_wall_is_no_door():
    code = "import json, joblib\nnp.load(p, allow_pickle=False)\njson.load(f)\njoblib.Parallel()"
    assert list(pickle_doors(ast.parse(code))) == []


@each_module
def test_no_module_can_load_a_pickle(path):
    assert list(pickle_doors(parse(path))) == []
