"""The exponentially weighted average: its formula, weights, lag and correction."""

import numpy as np
import pytest

import ravine as rv

S = np.random.default_rng(3).normal(size=50)
BETAS = [0.0, 0.5, 0.9, 0.98]


def by_formula(series, beta, bias_correction):
    found, v = [], np.zeros_like(series[0])
    for t, s in enumerate(series, 1):
        v = beta * v + (1 - beta) * s
        found.append(v / (1 - beta**t) if bias_correction else v)
    return np.array(found)


@pytest.mark.parametrize("bias_correction", [True, False])
@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("series", [S, S.reshape(25, 2), S.reshape(5, 2, 5), S.astype(np.float32), [1, 2, 3]])
def test_formula(series, beta, bias_correction):
    found = rv.ewma(series, beta, bias_correction=bias_correction)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, by_formula(np.asarray(series, float), beta, bias_correction), rtol=1e-13)


@pytest.mark.parametrize("beta", BETAS)
def test_weights_of_the_points(beta):
    weights = [rv.ewma(np.eye(50)[49 - i], beta, bias_correction=False)[-1] for i in range(50)]
    np.testing.assert_allclose(weights, (1 - beta) * beta ** np.arange(50), rtol=1e-12, atol=1e-300)


def test_what_is_older_than_the_span_counts_less_than_1_by_e():
    for beta in (0.5, 0.9, 0.98, 0.999):
        span = round(1 / (1 - beta))
        assert beta**span < np.exp(-1) < beta ** (0.6 * span)


@pytest.mark.parametrize("beta", [0.5, 0.9])
def test_a_slope_is_followed_with_a_lag(beta):
    t = np.arange(500.0)
    assert t[-1] - rv.ewma(t, beta)[-1] == pytest.approx(beta / (1 - beta))


def test_the_correction_makes_a_constant_stay():
    np.testing.assert_allclose(rv.ewma(np.full(30, 3.0), 0.98), 3.0, rtol=1e-13)
    assert rv.ewma([3.0], 0.98, bias_correction=False)[0] == pytest.approx(0.06)


@pytest.mark.parametrize("series", [[], np.zeros((0, 3))])
def test_nothing_gives_nothing(series):
    assert rv.ewma(series).shape == np.shape(series)


def test_nan_spreads():
    np.testing.assert_array_equal(np.isnan(rv.ewma([1.0, np.nan, 1.0])), [False, True, True])


@pytest.mark.parametrize("beta", BETAS[1:])
def test_against_scipy(beta):
    signal = pytest.importorskip("scipy.signal", reason="SciPy is not installed: no oracle for averages")
    peer = signal.lfilter([1 - beta], [1, -beta], S)
    np.testing.assert_allclose(rv.ewma(S, beta, bias_correction=False), peer, rtol=1e-10)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: rv.ewma(3.0), ValueError, "series must have at least one dimension, got the number 3.0"),
        (lambda: rv.ewma(["a"]), ValueError, "series"),
        (lambda: rv.ewma([1.0], 1.0), ValueError, r"beta must be a number in \[0.0, 1.0\), got 1.0"),
        (lambda: rv.ewma([1.0], -0.1), ValueError, "beta must be"),
        (lambda: rv.ewma([1.0], bias_correction=1), TypeError, "bias_correction must be True or False, got 1"),
    ],
)
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
