"""Finite differences, written for the tests alone: an oracle that shares no code with the engine.

Five-point stencil: f'(0) ≈ (f(-2h) − 8f(-h) + 8f(h) − f(2h)) / 12h, error O(h⁴ f⁽⁵⁾) + O(ε f / h). With
h = 1e-3 and float64 that is about 1e-12 of truncation and 1e-13 of rounding for values of order one.
"""

import numpy as np

STEP = 1e-3


def directional_derivative(function, step=STEP):
    """d/dt function(t) at 0 for a function of one number to an array."""
    f = {k: np.asarray(function(k * step), dtype=np.float64) for k in (-2, -1, 1, 2)}
    return (f[-2] - 8 * f[-1] + 8 * f[1] - f[2]) / (12 * step)


def gradient(function, x, step=STEP):
    """The gradient of a function of an array to one number, entry by entry."""
    x = np.asarray(x, dtype=np.float64)
    result = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        unit = np.zeros_like(x)
        unit[index] = 1.0
        result[index] = directional_derivative(lambda t, unit=unit: function(x + t * unit), step)
    return result


def assert_close(got, expected, tolerance, what=""):
    """Largest difference within ``tolerance`` of the larger of 1 and the largest expected value."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape, f"{what}: shape {got.shape}, expected {expected.shape}"
    if not expected.size:
        return
    if got.dtype == bool:  # booleans have no difference
        np.testing.assert_array_equal(got, expected, err_msg=what)
        return
    scale = max(1.0, float(np.abs(expected).max()))
    difference = float(np.abs(got - expected).max())
    assert difference <= tolerance * scale, f"{what}: differs by {difference:.3g} (scale {scale:.3g})"
