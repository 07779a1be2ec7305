"""One thread for small products, and as many as before afterwards."""

import pytest

from tinygrad_nlp.cli import blas


def test_products_get_one_thread_and_all_of_them_back():
    functions = blas.openblas_functions()
    if functions is None or functions("set_num_threads") is None:
        pytest.skip("NumPy has another library here")
    before = functions("get_num_threads")()
    with pytest.raises(RuntimeError), blas.one_thread():
        assert functions("get_num_threads")() == 1
        raise RuntimeError
    assert functions("get_num_threads")() == before


def test_without_openblas_nothing_is_changed(monkeypatch):
    monkeypatch.setattr(blas, "_loaded", list)
    assert blas.openblas_functions() is None
    with blas.one_thread():
        pass
