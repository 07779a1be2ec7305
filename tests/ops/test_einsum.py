"""Einstein's summation."""

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.ops.arrays import numbers, tensor

FORWARD = {
    "einsum": lambda *xs, subscripts: np.einsum(subscripts, *xs),
}


SPECS = [
    ("i->", (4,)),
    ("i->i", (4,)),
    ("ij->ji", (2, 3)),
    ("ij", (2, 3)),
    ("ba", (2, 3)),
    ("ijk->j", (2, 3, 4)),
    ("ii", (3, 3)),
    ("ii->i", (3, 3)),
    ("bii->b", (2, 3, 3)),
    ("ijij->ij", (2, 3, 2, 3)),
    ("...ii->...", (2, 4, 3, 3)),
    ("i,i", (4,), (4,)),
    ("i,j->ij", (2,), (3,)),
    ("ij,ij->ij", (2, 3), (2, 3)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ij,kj->ik", (2, 3), (4, 3)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)),
    ("bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)),
    ("...ij,...jk->...ik", (5, 2, 3), (4, 5, 3, 2)),
    ("b...,b->...", (3, 2, 4), (3,)),
    ("ij,k->", (2, 3), (4,)),
    ("ii,ij->j", (3, 3), (3, 2)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("bi,ijk,bk->bj", (2, 3), (3, 4, 5), (2, 5)),
    (" i j , j -> i ", (2, 3), (3,)),
    (",ij->j", (), (2, 3)),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec[0])
def test_einsum_equals_numpy(spec):
    arrays = [numbers(*shape, seed=i) for i, shape in enumerate(spec[1:])]
    out = tg.einsum(spec[0], *[tg.Tensor(a) for a in arrays])
    np.testing.assert_allclose(out.data, np.einsum(spec[0], *arrays), atol=1e-12)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec[0])
def test_einsum_gradients_of_first_and_second_order_equal_torch(spec):
    torch = pytest.importorskip("torch")
    arrays = [numbers(*shape, seed=i) for i, shape in enumerate(spec[1:])]
    ours = [tg.Tensor(a, requires_grad=True) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    out, there = tg.einsum(spec[0], *ours), torch.einsum(spec[0], *theirs)
    (out * out).sum().backward(create_graph=True)
    first = torch.autograd.grad((there * there).sum(), theirs, create_graph=True)
    for a, b in zip(ours, first):
        np.testing.assert_allclose(a.grad.data, b.detach().numpy(), atol=1e-11)
    total = None
    for a in ours:
        part = (a.grad * a.grad).sum()
        total = part if total is None else total + part
        a.grad = None
    total.backward()
    second = torch.autograd.grad(sum((b * b).sum() for b in first), theirs)
    for a, b in zip(ours, second):
        np.testing.assert_allclose(a.grad, b.numpy(), atol=1e-9)


def test_einsum_large_enough_to_be_paired_is_the_same():
    x, y = numbers(40, 30), numbers(30, 50, seed=1)
    np.testing.assert_allclose(tg.einsum("ij,jk->ik", x, y), x @ y, atol=1e-12)


def test_infinity_on_a_diagonal_stays_there():
    x = tensor(2, 2)
    tg.einsum("ii->i", x).backward(np.array([np.inf, 1.0]))
    np.testing.assert_array_equal(x.grad, [[np.inf, 0], [0, 1]])


def test_einsum_says_which_index_or_operand_does_not_fit():
    with pytest.raises(tg.DTypeError, match="first argument of type Tensor; expected the subscripts as a string"):
        tg.einsum(tensor(2, 3), "ij->ji")
    with pytest.raises(tg.ShapeError, match=r"einsum 'ij,jk->ik': index 'j' is 3 and 4: operand 0 a \(2, 3\) float64"):
        tg.einsum("ij,jk->ik", tensor(2, 3, name="a"), tensor(4, 2, name="b"))
    with pytest.raises(tg.ShapeError, match="einsum 'ij,jk': 1 operands; expected 2: one per comma-part"):
        tg.einsum("ij,jk", tensor(2, 3))
    with pytest.raises(tg.ShapeError, match="operand 0 of 2 axes for 'ijk'; expected one letter per axis"):
        tg.einsum("ijk->i", tensor(2, 3))
    with pytest.raises(tg.ShapeError, match="a result with index 'k'; expected indices of the operands"):
        tg.einsum("ij->ik", tensor(2, 3))
    with pytest.raises(tg.ShapeError, match=r"index '\.\.\. axis -1' is 2 and 3"):
        tg.einsum("...i,...i", tensor(2, 4), tensor(3, 4))
