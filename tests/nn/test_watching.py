"""`nn.watch`: the norms it records are those one would compute by hand, and it leaves the model as it was."""

import math

import numpy as np
import pytest

from tinygrad_nlp import GradientError, OptionError, RowSparse, Tensor, cross_entropy, nn, no_grad, optim


def network(seed=0):
    return nn.Sequential(nn.Linear(5, 7, rng=np.random.default_rng(seed)), nn.Tanh(), nn.Linear(7, 3))


def batch(seed=1, size=6):
    rng = np.random.default_rng(seed)
    return Tensor(rng.normal(size=(size, 5)).astype(np.float32)), rng.integers(0, 3, size)


def test_norms_are_those_of_the_gradients_at_each_step():
    model, (x, y) = network(), batch()
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    expected = []
    with nn.watch(model) as norms:
        for _ in range(4):
            optimizer.zero_grad()
            cross_entropy(model(x), y).backward()
            expected.append({path: np.linalg.norm(p.grad) for path, p in model.named_parameters()})
            expected[-1]["weights"] = np.linalg.norm(model[0].weight.data)
            norms.step()
            optimizer.step()
    assert norms.steps == [1, 2, 3, 4] and repr(norms) == "<norms of 4 parameters over 4 steps>"
    for path in ("0.weight", "0.bias", "2.weight", "2.bias"):
        assert norms.gradients[path] == pytest.approx([e[path] for e in expected], rel=1e-5)
    assert norms.weights["0.weight"] == pytest.approx([e["weights"] for e in expected], rel=1e-5)


def test_activations_are_root_mean_squares_of_all_outputs_since_the_last_step():
    model = network()
    first, second = batch(1)[0], batch(2, size=3)[0]
    with nn.watch(model) as norms:
        loss = (model(first) ** 2).sum() + (model(second) ** 2).sum()
        loss.backward()
        norms.step()
    hidden = np.concatenate([model[0](x).data.ravel() for x in (first, second)])
    whole = np.concatenate([model(x).data.ravel() for x in (first, second)])
    assert norms.activations["0"] == pytest.approx([math.sqrt((hidden**2).mean())], rel=1e-5)
    assert norms.activations["2"] == pytest.approx([math.sqrt((whole**2).mean())], rel=1e-5)
    assert norms.activations["Sequential"] == norms.activations["2"]


def test_an_evaluation_without_gradients_does_not_count():
    model, (x, y) = network(), batch()
    with nn.watch(model) as norms:
        cross_entropy(model(x), y).backward()
        with no_grad():
            model(Tensor(x.data * 100))
        norms.step()
    assert norms.activations["0"] == pytest.approx([math.sqrt((model[0](x).data ** 2).mean())], rel=1e-5)


def test_the_model_is_left_as_it_was_even_after_an_error():
    model, (x, _) = network(), batch()
    before, out = [dict(vars(m)) for m in model.modules()], model(x).data
    with pytest.raises(KeyError), nn.watch(model):
        model(x)
        raise KeyError
    assert [dict(vars(m)) for m in model.modules()] == before
    assert np.array_equal(model(x).data, out)


def test_another_model_of_the_same_class_is_not_recorded_and_a_forward_of_its_own_comes_back():
    model, other, (x, y) = network(), network(1), batch()
    own = lambda z: z * 2.0  # noqa: E731
    object.__setattr__(model[1], "forward", own)
    with nn.watch(model) as norms:
        cross_entropy(model(x), y).backward()
        other(Tensor(x.data * 100))
        norms.step()
    assert vars(model[1])["forward"] is own
    assert norms.activations["1"][0] == pytest.approx(2 * norms.activations["0"][0], rel=1e-5)


def test_rows_looked_up_twice_are_one_number():
    model = nn.Embedding(10, 4, rng=np.random.default_rng(0))
    with nn.watch(model) as norms:
        (model(np.array([3, 3, 5])) * Tensor(np.array([[1.0], [2.0], [4.0]], np.float32))).sum().backward()
        norms.step()
    assert isinstance(model.weight.grad, RowSparse)
    assert norms.gradients["weight"] == pytest.approx([math.sqrt(4 * 9 + 4 * 16)])


def test_every_third_step():
    model, (x, y) = network(), batch()
    with nn.watch(model, every=3) as norms:
        for _ in range(7):
            model.zero_grad()
            cross_entropy(model(x), y).backward()
            norms.step()
    assert norms.steps == [3, 6] and {len(v) for v in norms.activations.values()} == {2}


def test_what_has_no_gradient_or_is_not_called_is_nan():
    model, (x, y) = nn.Module(), batch()
    model.layers, model.spare = network(), nn.Linear(2, 2)
    model.layers[0].weight.requires_grad_(False)
    with nn.watch(model) as norms:
        cross_entropy(model.layers(x), y).backward()
        norms.step()
        model.zero_grad()
        (model.spare(Tensor(np.ones((2, 2), np.float32))) ** 2).sum().backward()
        norms.step()
    assert math.isnan(norms.gradients["layers.0.weight"][0]) and math.isnan(norms.activations["layers.0"][1])
    assert math.isnan(norms.activations["spare"][0]) and norms.activations["spare"][1] > 0


def test_squares_that_overflow_float32_do_not():
    model = nn.Linear(2, 1, bias=False)
    with nn.watch(model) as norms:
        model(Tensor(np.array([[3e25, 4e25]], np.float32))).sum().backward()
        norms.step()
    assert norms.gradients["weight"] == pytest.approx([5e25], rel=1e-5)


def test_nested_modules_go_by_their_paths():
    model = nn.Sequential(nn.Sequential(nn.Linear(5, 4), nn.ReLU()), nn.Linear(4, 3))
    x, y = batch()
    with nn.watch(model) as norms:
        cross_entropy(model(x), y).backward()
        norms.step()
    assert set(norms.activations) == {"Sequential", "0", "0.0", "0.1", "1"}


def test_mistakes_are_explained():
    model, (x, y) = network(), batch()
    with nn.watch(model) as norms:
        with pytest.raises(
            GradientError, match=r"no parameter with a gradient.*after backward\(\) and before zero_grad"
        ):
            norms.step()
        with pytest.raises(OptionError, match="one at a time"), norms:
            pass
        cross_entropy(model(x), y).backward()
        norms.step()
    with pytest.raises(OptionError, match="every=0; expected a whole number of at least 1"):
        nn.watch(model, every=0)
    with pytest.raises(TypeError, match="list; expected a Module"):
        nn.watch([model])
