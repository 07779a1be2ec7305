"""What a Module finds, names, saves, loads, prints and refuses."""

import copy
import pickle

import numpy as np
import pytest

from tinygrad_nlp import DTypeError, Tensor, nn
from tinygrad_nlp.errors import CheckpointError, StaleValueError


class Block(nn.Module):
    def __init__(self):
        self.scale = nn.Parameter([1.0, 2.0])
        self.inner = nn.Linear(2, 2, bias=False)

    def forward(self, x):
        return self.inner(x * self.scale)


class Network(nn.Module):
    def __init__(self):
        self.size = 2
        self.first = Block()
        self.b = nn.Parameter([0.5], name="offset")
        self.blocks = [Block(), Block()]
        self.heads = {"tag": nn.Linear(2, 3), "extra": (nn.Parameter([1.0]), "a word")}
        self.again = self.first

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.heads["tag"](self.first(x)) + self.b


NAMES = [
    "first.scale",
    "first.inner.weight",
    "b",
    "blocks.0.scale",
    "blocks.0.inner.weight",
    "blocks.1.scale",
    "blocks.1.inner.weight",
    "heads.tag.weight",
    "heads.tag.bias",
    "heads.extra.0",
]


def test_parameters_are_found_in_order_of_assignment_and_shared_ones_once():
    model = Network()
    assert [name for name, _ in model.named_parameters()] == NAMES
    assert len(list(model.parameters())) == len({id(p) for p in model.parameters()}) == len(NAMES)
    assert model.num_parameters() == 3 * (2 + 4) + 1 + 9 + 1
    assert [n for n, _ in model.named_parameters("net.")][0] == "net.first.scale"


def test_modules_are_found_parents_first():
    assert [name for name, _ in Network().named_modules()] == [
        "",
        "first",
        "first.inner",
        "blocks.0",
        "blocks.0.inner",
        "blocks.1",
        "blocks.1.inner",
        "heads.tag",
    ]
    assert [name for name, _ in Network().named_children()] == ["first", "blocks.0", "blocks.1", "heads.tag"]


def test_module_that_knows_its_parent_does_not_hang_the_walk():
    model = Network()
    model.first.parent = model
    assert model.num_parameters() == 29 and "first.scale" in model.state_dict()
    assert len(list(model.modules())) == 8


def test_super_init_is_not_needed_and_does_no_harm():
    class Old(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter([1.0])

    assert Old().num_parameters() == 1


def test_parameter_takes_the_name_of_its_attribute_unless_it_has_one():
    model = Network()
    assert model.first.scale.name == "scale" and model.b.name == "offset"
    assert model.heads["extra"][0].name == "heads.extra.0"


def test_parameter_requires_grad_and_keeps_dtype():
    assert nn.Parameter([1.0]).dtype == np.float32 and nn.Parameter(np.zeros(2)).dtype == np.float64
    assert nn.Parameter([1.0]).requires_grad and isinstance(nn.Parameter([1.0]), Tensor)
    assert (nn.Parameter([1.0]) * 2).requires_grad and type(nn.Parameter([1.0]) * 2) is Tensor
    assert repr(nn.Parameter([1.0])).startswith("Parameter containing:\nTensor([1.]")
    with pytest.raises(DTypeError):
        nn.Parameter([1, 2])


def test_training_mode_and_freezing_reach_everything():
    model = Network()
    assert model.training and model.eval() is model
    assert not any(m.training for m in model.modules())
    model.train()
    assert all(m.training for m in model.modules())
    model.first.requires_grad_(False)
    assert model.num_parameters(trainable_only=True) == model.num_parameters() - 6
    model(Tensor([[1.0, 2.0]])).sum().backward()
    assert model.first.scale.grad is None and model.b.grad is not None
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())


def test_apply_visits_children_before_parents():
    seen = []
    Network().apply(lambda m: seen.append(type(m).__name__))
    assert seen[:2] == ["Linear", "Block"] and seen[-1] == "Network"


def test_ops_know_the_path_of_the_module_that_made_them():
    model = Network()
    out = model(Tensor([[1.0, 2.0]]))
    paths = {}

    def walk(t):
        if isinstance(t, Tensor) and t._op is not None:
            paths.setdefault(t._op.name, set()).add(t._scope.path)
            for a in t._args:
                walk(a)

    walk(out)
    assert paths["matmul"] == {"Network.blocks.0.inner", "Network.blocks.1.inner", "Network.first.inner"}
    assert paths["linear"] == {"Network.heads.tag"}
    assert paths["mul"] == {"Network.blocks.0", "Network.blocks.1", "Network.first"}
    assert out.made_at.endswith("in forward") and "test_module.py" in out.made_at


def test_items_of_a_module_list_carry_its_name():
    class Stack(nn.Module):
        def __init__(self):
            self.layers = nn.ModuleList([nn.Linear(2, 2)])
            self.layers.append(nn.Linear(2, 2))

        def forward(self, x):
            return self.layers[1](self.layers[0](x))

    out = Stack()(Tensor([[1.0, 2.0]]))
    assert out._scope.path == "Stack.layers.1"
    assert [n for n, _ in Stack().named_parameters()][::2] == ["layers.0.weight", "layers.1.weight"]


def test_repr_is_nested_as_torchs():
    assert repr(Network()) == (
        "Network(\n"
        "  b=(1,), heads.extra.0=(1,)\n"
        "  (first): Block(\n"
        "    scale=(2,)\n"
        "    (inner): Linear(in_features=2, out_features=2, bias=False)\n"
        "  )\n"
        "  (blocks.0): Block(\n"
        "    scale=(2,)\n"
        "    (inner): Linear(in_features=2, out_features=2, bias=False)\n"
        "  )\n"
        "  (blocks.1): Block(\n"
        "    scale=(2,)\n"
        "    (inner): Linear(in_features=2, out_features=2, bias=False)\n"
        "  )\n"
        "  (heads.tag): Linear(in_features=2, out_features=3, bias=True)\n"
        ")"
    )


@pytest.mark.parametrize("make", ["Linear(3, 2)", "LayerNorm(4)", "Embedding(5, 2, padding_idx=1)", "Dropout(0.3)"])
def test_layers_print_as_torchs(make):
    torch_nn = pytest.importorskip("torch").nn
    ours, theirs = (eval(f"nn.{make}", {"nn": n}) for n in (nn, torch_nn))
    assert repr(ours) in (
        repr(theirs),
        repr(theirs).replace(", inplace=False", ""),
        repr(theirs).replace(", bias=True", ""),
    )


def test_missing_forward_is_said():
    with pytest.raises(NotImplementedError, match=r"Module.forward: no such method.*\n.*def forward\(self, x\)"):
        nn.Module()(1)


# ---- copies --------------------------------------------------------------------


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"]
)
def test_copy_of_a_model_has_gradients_of_its_own(duplicate):
    model = nn.Linear(2, 1)
    twin = duplicate(model)
    assert twin.weight is not model.weight and (twin.weight.data == model.weight.data).all()
    x = Tensor([[3.0, 4.0]])
    (model(x) * 2 + twin(x)).sum().backward()  # both in one graph: they must not be mistaken for each other
    assert model.weight.grad.tolist() == [[6.0, 8.0]] and twin.weight.grad.tolist() == [[3.0, 4.0]]
    assert twin.weight.name == "weight" and type(twin.weight) is nn.Parameter


def test_deepcopy_keeps_sharing():
    model = Network()
    twin = copy.deepcopy(model)
    assert twin.again is twin.first and twin.num_parameters() == model.num_parameters()


# ---- state_dict --------------------------------------------------------------------


def test_state_is_copied_not_referred_to():
    model = nn.Linear(2, 2)
    best = model.state_dict()
    before = best["weight"].copy()
    model.weight.data -= 1.0
    assert (best["weight"] == before).all()
    model.load_state_dict(best)
    assert (model.weight.data == before).all() and model.weight.data is not best["weight"]


def test_shared_parameter_stands_under_each_of_its_paths():
    state = Network().state_dict()
    assert list(state) == [*NAMES, "again.scale", "again.inner.weight"]
    other = Network()
    assert other.load_state_dict(state) == ([], [])
    assert all((other.state_dict()[k] == v).all() for k, v in state.items())


def test_state_dicts_pass_between_us_and_torch():
    torch = pytest.importorskip("torch")
    ours = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 3), nn.LayerNorm(3))
    theirs = torch.nn.Sequential(torch.nn.Embedding(5, 4), torch.nn.Linear(4, 3), torch.nn.LayerNorm(3))
    ours.load_state_dict(theirs.state_dict())
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    index = np.array([[0, 3], [2, 2]])
    got, expected = ours(index), theirs(torch.tensor(index))
    assert np.abs(got.data - expected.detach().numpy()).max() < 1e-6


def test_state_that_does_not_fit_is_refused_naming_every_entry_and_nothing_changes():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    before = model.state_dict()
    state = {
        "0.weight": np.zeros((2, 3)),
        "0.bias": np.zeros(3, complex),
        "1.weight": np.zeros((1, 3)),
        "x.b": np.ones(1),
    }
    with pytest.raises(CheckpointError) as caught:
        model.load_state_dict(state)
    text = str(caught.value)
    assert "load_state_dict of Sequential: missing: 1.bias. unexpected: x.b. does not fit: " in text
    assert "0.weight (2, 3) float64 where the model has (3, 2) float32" in text
    assert "0.bias (3,) complex128 where the model has (3,) float32" in text
    assert "expected one array of the right shape for each parameter" in text
    assert all((model.state_dict()[k] == v).all() for k, v in before.items())


def test_not_strict_loads_what_is_there_and_says_what_was_not():
    model = nn.Linear(2, 2)
    with pytest.raises(CheckpointError, match=r"missing: bias. unexpected: b; .*\n.*strict=False"):
        model.load_state_dict({"weight": np.ones((2, 2)), "b": np.ones(2)})
    result = model.load_state_dict({"weight": np.ones((2, 2)), "b": np.ones(2)}, strict=False)
    assert result.missing_keys == ["bias"] and result.unexpected_keys == ["b"]
    assert (model.weight.data == 1).all()
    with pytest.raises(CheckpointError, match="does not fit: weight"):
        model.load_state_dict({"weight": np.ones((3, 2))}, strict=False)


def test_loading_between_forward_and_backward_is_noticed():
    model = nn.Linear(2, 1)
    x = Tensor([[1.0, 2.0]], requires_grad=True)
    loss = (model(x) * model(x)).sum()
    model.load_state_dict(model.state_dict())
    with pytest.raises(StaleValueError):
        loss.backward()


def test_astype_converts_parameters_and_forgets_gradients():
    model = nn.Linear(2, 2)
    model(Tensor([[1.0, 2.0]])).sum().backward()
    assert model.astype(np.float64) is model
    assert model.weight.dtype == np.float64 and model.weight.grad is None
    with pytest.raises(DTypeError, match="expected a float dtype"):
        model.astype(np.int64)


@pytest.mark.parametrize("value", [Tensor(np.ones((2, 2)), requires_grad=True), np.ones((2, 2))])
def test_a_parameter_is_not_replaced_by_what_no_optimizer_would_train(value):
    model = nn.Linear(2, 2)
    with pytest.raises(DTypeError, match=r"Linear.weight = …: \w+ \(2, 2\) float64, in place of a Para") as caught:
        model.weight = value
    assert "write instead: module.weight.data = value, or module.weight = nn.Parameter(value)" in str(caught.value)
    model.weight = nn.Parameter(value)
    model.bias = None
    assert [name for name, _ in model.named_parameters()] == ["weight"]
    model.note = value  # what never was a Parameter may be anything
