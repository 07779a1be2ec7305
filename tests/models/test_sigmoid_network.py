"""003's network: shapes, counts, and training that works."""

import numpy as np
from tinygrad_nlp.models.sigmoid_network import SigmoidNetwork

from tinygrad_nlp import optim


def test_probabilities_and_parameters():
    network = SigmoidNetwork(10, 7, 4, rng=np.random.default_rng(0))
    assert [p.shape for p in network.parameters()] == [(10, 7), (7,), (7, 4), (4,)]
    assert network.num_parameters() == 10 * 7 + 7 * 4 + 7 + 4
    y_hat = network(np.ones((3, 10), np.float32))
    assert y_hat.shape == (3, 4)
    np.testing.assert_allclose(y_hat.data.sum(axis=1), 1, rtol=1e-6)


def test_the_batch_loss_is_the_mean_of_the_examples():
    rng = np.random.default_rng(0)
    network = SigmoidNetwork(5, 4, 3, rng=rng, dtype=np.float64)
    x, target = rng.normal(size=(6, 5)), rng.integers(0, 3, 6)
    h = 1 / (1 + np.exp(-(x @ network.W_1.data + network.b_1.data)))
    e = np.exp(h @ network.W_2.data + network.b_2.data)
    expected = -np.log(e[np.arange(6), target] / e.sum(axis=1)).mean()
    assert abs(float(network.loss(x, target).data) - expected) < 1e-12


def test_it_learns_exclusive_or_which_no_single_layer_can():
    network = SigmoidNetwork(2, 8, 2, rng=np.random.default_rng(0), dtype=np.float64)
    x, target = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    stepper = optim.Adam(network.parameters(), lr=0.1)
    for _ in range(200):
        stepper.zero_grad()
        network.loss(x, target).backward()
        stepper.step()
    assert network(x).data.argmax(axis=1).tolist() == target.tolist()
