"""Measures against values worked out by hand or by another formula."""

from __future__ import annotations

from functools import partial
from math import comb, exp, factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from realtime.evaluation import metrics
from realtime.evaluation.metrics import auc, bootstrap, bootstrap_groups

SCORES = arrays.arrays(np.float64, st.integers(1, 12), elements=st.sampled_from([-1.0, 0, 0.5, 2]))
REAL = np.array([0.1, 0.2, 0.4, 0.6])
FAKE = np.array([0.3, 0.5, 0.7, 0.8])


@given(SCORES, SCORES)
@settings(deadline=None)
def test_auc_is_the_chance_that_a_fake_scores_higher(real: np.ndarray, fake: np.ndarray) -> None:
    wins = (fake[:, None] > real).mean() + 0.5 * (fake[:, None] == real).mean()
    assert auc(real, fake) == pytest.approx(wins)
    assert auc(fake, real) == pytest.approx(1 - wins)


@given(SCORES, SCORES)
@settings(deadline=None)
def test_the_area_under_the_curve_is_the_auc(real: np.ndarray, fake: np.ndarray) -> None:
    false, true = metrics.roc(real, fake)
    assert (np.diff(false) >= 0).all()
    assert (np.diff(true) >= 0).all()
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    area = (np.diff(false) * (true[1:] + true[:-1]) / 2).sum()
    assert area == pytest.approx(auc(real, fake))


def test_what_an_empty_class_leaves_unknown() -> None:
    none, some = np.zeros(0), np.ones(3)
    for measure in (auc, metrics.equal_error_rate, metrics.average_precision):
        assert np.isnan(measure(none, some))
        assert np.isnan(measure(some, none))
    assert np.isnan(metrics.true_positive_rate(none, some, 0.05))
    assert np.isnan(bootstrap(none, some)).all()
    assert np.isnan(bootstrap_groups([(some, some)], auc)).all()
    assert metrics.estimate(float("nan"), (0.0, 1.0)) is None
    assert metrics.share(0, 0) == {"count": 0, "of": 0, "value": None, "interval_95": None}


def test_the_bootstrap_interval_holds_the_value_and_narrows() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for count in (20, 2000):
        real, fake = rng.normal(0, 1, count), rng.normal(1, 1, count)
        low, high = bootstrap(real, fake, rounds=300)
        assert low < auc(real, fake) < high
        widths.append(high - low)
    assert widths[1] < 0.3 * widths[0]


def test_the_quick_bootstrap_of_the_auc_is_the_plain_one() -> None:
    rng = np.random.default_rng(5)
    real, fake = rng.normal(0, 1, 25).round(1), rng.normal(0.8, 1, 40).round(1)
    quick = bootstrap(real, fake)
    plain = bootstrap(real, fake, measure=partial(auc))
    assert quick == pytest.approx(plain, abs=0.01)


def test_pairs_are_drawn_as_pairs() -> None:
    """Each fake lies just above its own real: drawn apart the classes would seem to overlap."""

    def above(real: np.ndarray, fake: np.ndarray) -> float:
        return float((fake - real).mean())

    groups = [(np.array([float(i)]), np.array([i + 1.0])) for i in range(30)]
    assert bootstrap_groups(groups, above, rounds=200) == (1.0, 1.0)
    low, high = bootstrap(*metrics.joined(groups), rounds=200, measure=above)
    assert high - low > 5


def test_error_rates_by_hand() -> None:
    # From the highest score down: fake fake real fake real fake real real. At .5 and above there
    # are 3 of 4 fakes and 1 of 4 reals, so that both errors are a quarter.
    assert metrics.equal_error_rate(REAL, FAKE) == pytest.approx(0.25)
    assert metrics.true_positive_rate(REAL, FAKE, 0.0) == 0.5
    assert metrics.true_positive_rate(REAL, FAKE, 0.24) == 0.5
    assert metrics.true_positive_rate(REAL, FAKE, 0.25) == 0.75
    assert metrics.true_positive_rate(REAL, FAKE, 1.0) == 1.0
    # Precisions at the four fakes, in that order.
    assert metrics.average_precision(REAL, FAKE) == pytest.approx((1 + 1 + 3 / 4 + 4 / 6) / 4)


def test_error_rates_of_the_extremes() -> None:
    low, high = np.array([0.0, 1.0]), np.array([2.0, 3.0])
    assert metrics.equal_error_rate(low, high) == 0
    assert metrics.equal_error_rate(high, low) == 1
    assert metrics.average_precision(low, high) == 1
    same = np.zeros(5)
    assert metrics.equal_error_rate(same, same) == pytest.approx(0.5)
    assert metrics.average_precision(same, np.zeros(15)) == pytest.approx(0.75)
    assert metrics.true_positive_rate(same, same, 0.05) == 0


@given(SCORES, SCORES)
@settings(deadline=None)
def test_the_equal_error_rate_mirrors(real: np.ndarray, fake: np.ndarray) -> None:
    here = metrics.equal_error_rate(real, fake)
    assert 0 <= here <= 1
    assert metrics.equal_error_rate(-fake, -real) == pytest.approx(here)


def test_calibration_error_and_brier_by_hand() -> None:
    said = np.array([0.1, 0.1, 0.9, 0.9, 0.95])
    fake = np.array([False, False, True, True, False])
    even = metrics.even_odds(fake)
    assert even == pytest.approx([1 / 6, 1 / 6, 1 / 4, 1 / 4, 1 / 6])
    # The lower bin: a third of the weight, says .1, holds no fake. The upper: two thirds, says
    # (.45 + .95 / 6) / (2 / 3) = .9125, and three quarters of its weight are fakes.
    wrong = 1 / 3 * 0.1 + 2 / 3 * (0.9125 - 0.75)
    assert metrics.calibration_error(said, fake, even) == pytest.approx(wrong)
    squares = (0.01 + 0.01 + 0.95**2) / 6 + (0.01 + 0.01) / 4
    assert metrics.brier(said, fake, even) == pytest.approx(squares)
    table = metrics.reliability(said, fake, even)
    assert [b.count for b in table] == [0, 2, 0, 0, 0, 0, 0, 0, 0, 3]
    assert sum(b.weight for b in table) == pytest.approx(1)
    assert table[-1].observed == pytest.approx(0.75)


def test_honest_probabilities_have_hardly_any_calibration_error() -> None:
    rng = np.random.default_rng(4)
    said = rng.random(100_000)
    fake = rng.random(100_000) < said
    alike = np.full(100_000, 1e-5)
    assert metrics.calibration_error(said, fake, alike) < 0.01
    assert metrics.calibration_error(np.clip(said + 0.2, 0, 1), fake, alike) > 0.15
    assert metrics.brier(said, fake, alike) == pytest.approx(1 / 6, abs=0.005)
    certain = np.array([0.0, 1.0])
    assert metrics.calibration_error(certain, certain > 0.5, np.full(2, 0.5)) == 0


def test_exact_intervals_leave_out_as_much_as_they_say() -> None:
    """At either end the other tail of the distribution holds just 2.5 %."""
    low, high = metrics.share_interval(3, 20)

    def at_most(hits: int, chance: float) -> float:
        return sum(comb(20, k) * chance**k * (1 - chance) ** (20 - k) for k in range(hits + 1))

    assert 1 - at_most(2, low) == pytest.approx(0.025)
    assert at_most(3, high) == pytest.approx(0.025)
    assert metrics.share_interval(0, 20)[0] == 0
    assert metrics.share_interval(20, 20)[1] == 1

    low, high = metrics.rate_interval(2, 0.5)

    def poisson(events: int, mean: float) -> float:
        return sum(exp(-mean) * mean**k / factorial(k) for k in range(events + 1))

    assert 1 - poisson(1, low * 0.5) == pytest.approx(0.025)
    assert poisson(2, high * 0.5) == pytest.approx(0.025)
    assert metrics.rate_interval(0, 2.0)[0] == 0
    assert np.isnan(metrics.rate_interval(0, 0.0)).all()
