"""Names of PyTorch, NumPy and micrograd: each is answered with a line that exists here and does the same."""

import builtins
import copy
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest

import tinygrad_nlp as tg
from tinygrad_nlp import Tensor, hints, nn, optim, serialize
from tinygrad_nlp.hints import attribute_error

OWNERS = {"Tensor": Tensor, "tinygrad_nlp": tg, "nn": nn, "optim": optim}
ROWS = [(owner, name, line) for owner, table in hints.TABLES.items() for name, line in table.items()]


@pytest.mark.parametrize(
    "owner, name, words",
    [
        ("Tensor", "view", "Tensor has no attribute 'view'; write instead: t.reshape(…)"),
        ("Tensor", "numel", "Tensor has no attribute 'numel'; write instead: t.size"),
        ("Tensor", "exp_", "Tensor has no attribute 'exp_'; write instead: t = t.exp()"),
        ("Tensor", "reshap", "Tensor has no attribute 'reshap'; did you mean reshape, shape?"),
        ("Tensor", "zzzzzz", "Tensor has no attribute 'zzzzzz'"),
        (
            "tinygrad_nlp",
            "save",
            "tinygrad_nlp has no attribute 'save'; write instead: serialize.save(path, model=model)",
        ),
        ("tinygrad_nlp", "cross_entrop", "tinygrad_nlp has no attribute 'cross_entrop'; did you mean cross_entropy?"),
        ("nn", "Linaer", "nn has no attribute 'Linaer'; did you mean Linear?"),
        ("optim", "AdamX", "optim has no attribute 'AdamX'; did you mean Adam, AdamW?"),
    ],
)
def test_the_words(owner, name, words):
    error = attribute_error(owner, name)
    assert isinstance(error, AttributeError) and error.name == name
    assert str(error) == words


def test_nn_and_optim_answer_when_asked():
    with pytest.raises(AttributeError, match="nn has no attribute 'functional'; write instead: the ops of the package"):
        nn.functional  # noqa: B018
    with pytest.raises(AttributeError, match="optim has no attribute 'lr_scheduler'; write instead: optim.StepLR"):
        optim.lr_scheduler  # noqa: B018
    assert not hasattr(nn, "RNN") and getattr(optim, "LBFGS", None) is None


@pytest.mark.parametrize("name", ["__wrapped__", "__array_struct__", "_repr_html_"])
def test_names_that_only_programs_ask_for_are_answered_without_a_search(name, monkeypatch):
    monkeypatch.setattr(hints, "_advice", lambda owner, name: pytest.fail("searched"))
    for owner in OWNERS:
        assert str(attribute_error(owner, name)) == f"{owner} has no attribute {name!r}"


def test_a_tensor_answers_and_does_without():
    t = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(AttributeError, match="^Tensor has no attribute 'view'; write instead: t.reshape"):
        t.view(2, 1)
    assert not hasattr(t, "clone") and getattr(t, "cpu", None) is None
    for twin in (copy.copy(t), copy.deepcopy(t), pickle.loads(pickle.dumps(t))):
        assert twin.tolist() == t.tolist() and twin.requires_grad
    assert isinstance(np.ones(2) * t, Tensor) and isinstance(np.sum(t), Tensor)
    assert "view" not in dir(t) and "reshape" in dir(t)


def test_modules_and_optimizers_are_still_copied_and_pickled():
    model = nn.Sequential(nn.Linear(2, 3), nn.CrossEntropyLoss())
    optimizer = optim.Adam(model.parameters())
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(twin[0].weight.data, model[0].weight.data)
    assert copy.deepcopy(optimizer).param_groups[0]["lr"] == 1e-3


def test_nothing_is_imported_to_search_before_a_name_is_missing():
    code = (
        "import sys, tinygrad_nlp; from tinygrad_nlp import nn, optim; "
        "tinygrad_nlp.Tensor(1.0); print('difflib' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "False"


@pytest.mark.parametrize("owner, name, line", ROWS, ids=[f"{owner}.{name}" for owner, name, _ in ROWS])
def test_a_row_is_not_stale_and_names_what_exists(owner, name, line):
    late = ("visualize", "models", "cli")  # imported by another test, they are attributes
    assert name in late or not hasattr(OWNERS[owner], name), f"{owner}.{name} exists: its row is not needed"
    places = {"t": Tensor, "nn": nn, "optim": optim, "np": np, "init": nn.init, "linalg": np.linalg}
    places |= {"serialize": serialize, "random": np.random, "data": np.ndarray}
    for place, attribute in re.findall(r"\b(t|nn|optim|np|init|linalg|serialize|random|data)\.(\w+)", line):
        assert hasattr(places[place], attribute), f"{place}.{attribute} does not exist"
    for called in re.findall(r"(?<![\w.])([a-z_0-9]{2,})\(", line):
        assert hasattr(tg, called) or hasattr(builtins, called), f"{called}(…) does not exist"


MADE = {name: line for name, line in hints.PACKAGE.items() if line.startswith("Tensor(")}


@pytest.mark.parametrize("name", MADE)
def test_a_tensor_is_made_by_the_line_as_it_stands(name):
    line = MADE[name].split("), or ")[0]
    made = eval(line if line.count("(") == line.count(")") else line + ")", {"Tensor": Tensor, "np": np})
    assert isinstance(made, Tensor) and made.dtype.kind in "fi"


SAME = {
    "clone": lambda t, torch_t: (t * 1, torch_t.clone()),
    "t": lambda t, torch_t: (t.T, torch_t.t()),
    "H": lambda t, torch_t: (t.mT, torch_t.H),
    "clamp": lambda t, torch_t: (t.clip(min=0.0, max=0.5), torch_t.clamp(0.0, 0.5)),
    "ravel": lambda t, torch_t: (t.flatten(), torch_t.ravel()),
    "index_select": lambda t, torch_t: (t.take([2, 0], axis=1), torch_t[:, [2, 0]]),
    "amax": lambda t, torch_t: (t.max(axis=1), torch_t.amax(1)),
    "log2": lambda t, torch_t: (t.abs().log() / np.log(2), torch_t.abs().log2()),
    "exp2": lambda t, torch_t: (2.0**t, torch_t.exp2()),
}


@pytest.mark.parametrize("name", SAME)
def test_the_line_does_what_pytorchs_name_does(name):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(2, 3))
    ours, theirs = SAME[name](Tensor(x), torch.tensor(x))
    assert name in hints.TENSOR and ours.shape == tuple(theirs.shape)
    np.testing.assert_allclose(ours.data, theirs.numpy(), rtol=1e-12)


def test_chunks_and_rows():
    t = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    assert [part.shape for part in t.split(3, axis=1)] == [(2, 1)] * 3
    assert [row.shape for row in tuple(t)] == [(3,)] * 2
    assert np.allclose(t, t.data) and np.array_equal(t, t.data)
