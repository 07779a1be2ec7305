"""The layers: what may import what, found in the source and tried in a fresh interpreter."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tinygrad_nlp as tg

ROOT = Path(tg.__file__).resolve().parent
CHECKOUT = ROOT.parent
MODULES = sorted(ROOT.rglob("*.py"))


def imports(path):
    """Absolute dotted names of everything a file imports, wherever in the file the import stands."""
    package = ["tinygrad_nlp", *path.relative_to(ROOT).with_suffix("").parts] if path.is_relative_to(ROOT) else None
    if package is None:
        package = ["tinygrad_nlp", *path.relative_to(CHECKOUT).with_suffix("").parts]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level] if node.level else []
            module = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def tops(path):
    """``imports`` cut to the part of the project, or to the foreign package, they name."""
    cut = set()
    for name in imports(path):
        parts = name.split(".")
        cut.add(".".join(parts[:2]) if parts[0] == "tinygrad_nlp" else parts[0])
    return cut


def test_importing_the_package_imports_numpy_alone():
    code = (
        "import sys, numpy, numpy.random; before = set(sys.modules); import tinygrad_nlp; "
        "print(sorted({m.split('.')[0] for m in set(sys.modules) - before}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=CHECKOUT, check=True).stdout
    new = set(ast.literal_eval(out))
    assert "tinygrad_nlp" in new
    foreign = {m for m in new if m not in sys.stdlib_module_names and m not in ("tinygrad_nlp", "numpy")}
    assert not foreign, f"import tinygrad_nlp brings in {foreign}"
    for heavy in ("graphviz", "safetensors", "scipy", "hypothesis", "asyncio", "unittest", "http"):
        assert heavy not in new


def below(name):
    return [p for p in MODULES if p.relative_to(ROOT).parts[0].removesuffix(".py") == name]


ROOF = {"cli", "models", "visualize", "__main__"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_engine_does_not_know_its_users(path):
    if path.relative_to(ROOT).parts[0].removesuffix(".py") in ROOF:
        pytest.skip("the roof")
    upward = tops(path) & {"tinygrad_nlp.models", "tinygrad_nlp.visualize", "tinygrad_nlp.cli", "models", "visualize"}
    assert not upward, f"{path.name} imports {upward}"


@pytest.mark.parametrize("folder, other", [("models", "visualize"), ("visualize", "models")])
def test_models_and_visualize_do_not_know_each_other(folder, other):
    where = CHECKOUT / folder if (CHECKOUT / folder).is_dir() else ROOT / folder
    for path in sorted(where.rglob("*.py")):
        found = tops(path)
        assert not found & {other, f"tinygrad_nlp.{other}", "tinygrad_nlp.cli"}, path
        assert folder not in found, f"{path}: import siblings relatively, or every class exists twice"


CORE = [
    "apply",
    "op",
    "tensor",
    "backward",
    "modes",
    "versions",
    "reads",
    "broadcasting",
    "rowsparse",
    "errors",
    "derivation",
]


@pytest.mark.parametrize("name", CORE)
def test_the_core_knows_no_family_of_ops_and_nothing_above_it(name):
    upper = {"nn", "optim", "data", "ops", "transforms", "gradcheck", "interop", "serialize", "methods", "cli"}
    assert not tops(ROOT / f"{name}.py") & {f"tinygrad_nlp.{u}" for u in upper}


@pytest.mark.parametrize("path", below("ops"), ids=lambda p: p.name)
def test_op_files_use_neither_tensors_nor_layers(path):
    found = tops(path)
    assert not found & {
        f"tinygrad_nlp.{n}" for n in ("backward", "nn", "optim", "data", "transforms", "modes", "interop")
    }
    internals = {
        node.attr
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {f for f in tg.Tensor.__slots__ if f.startswith("_")}
    } - {"__weakref__"}
    assert not internals, f"{path.name} reaches into Tensor: {internals}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_module_says_what_it_is(path):
    text = path.read_text(encoding="utf-8")
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), f"{path} has no docstring"


def test_the_public_names_are_one_readable_list():
    for name in (
        "Tensor",
        "grad",
        "vjp",
        "jvp",
        "hvp",
        "jacobian",
        "hessian",
        "gradcheck",
        "no_grad",
        "op",
        "registry",
    ):
        assert hasattr(tg, name), name
