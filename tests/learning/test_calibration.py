"""Calibration: what was spoilt on purpose is found; what is calibrated is left alone."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from affetto.learning.calibration import (
    chosen_method,
    fit_scaling,
    fit_temperature,
    judge_calibration,
    scaled,
    tempered,
)
from affetto.learning.pool import Pool
from affetto.learning.unseen import Judgement, Part, Protocol

MOODS = ("Energetic", "Relaxing", "Dark")


def truth(n=4000, seed=0):
    """Probabilities, and moods drawn by them: calibrated by construction."""
    draw = np.random.default_rng(seed)
    p = draw.dirichlet(np.ones(3), n)
    y = (draw.random(n)[:, None] > p.cumsum(axis=1)).sum(axis=1)
    return p, y


def judgement_of(p, y, n_units=8):
    unit = np.arange(len(y)) % n_units
    names = np.char.mod("u%d", unit)
    pool = Pool(np.zeros((len(y), 1)), y, MOODS, ("energy",), names, names, np.arange(len(y)))
    parts = []
    for number in range(n_units):
        test = np.flatnonzero(unit == number)
        parts.append(Part(np.flatnonzero(unit != number), test, names[test], np.arange(3)))
    return Judgement(pool, Protocol(tuple(parts), ""), tuple(p[part.test] for part in parts))


def test_a_temperature_that_was_put_on_is_found():
    p, y = truth()
    weights = np.ones(len(y))
    assert fit_temperature(p, y, weights) == pytest.approx(1, abs=0.05)
    assert fit_temperature(tempered(p, 0.5), y, weights) == pytest.approx(2, abs=0.1)
    assert fit_temperature(tempered(p, 2.0), y, weights) == pytest.approx(0.5, abs=0.03)


def test_tempering_by_hand():
    assert_allclose(tempered(np.array([[0.8, 0.2, 0.0]]), 2.0), [[2 / 3, 1 / 3, 0]])
    assert_allclose(
        scaled(np.array([[0.5, 0.25, 0.25]]), np.ones(3), np.log([1.0, 2.0, 2.0])), [[1 / 3] * 3]
    )


def test_a_bias_of_one_mood_is_found():
    p, y = truth()
    spoilt = scaled(p, np.ones(3), np.array([1.5, 0.0, 0.0]))
    scale, offset = fit_scaling(spoilt, y, np.ones(len(y)))
    mended = scaled(spoilt, scale, offset)
    assert np.abs(spoilt - p).max() > 0.25
    assert np.abs(mended - p).max() < 0.08


def test_what_is_calibrated_is_left_alone():
    found = judge_calibration(judgement_of(*truth()))
    assert found["used"] is None
    assert found["words"].startswith("none is used: the average is calibrated as it comes (on 8")
    assert abs(found["methods"]["temperature"]["change"]) < 0.01


def test_what_is_too_sure_of_itself_is_mended():
    p, y = truth()
    found = judge_calibration(judgement_of(tempered(p, 0.4), y))
    assert found["used"] in {"temperature", "scaling a mood"}
    assert found["temperature"] == pytest.approx(2.5, abs=0.15)
    change = found["methods"]["temperature"]
    assert change["change"] < -2 * change["se"]
    assert change["log_loss"] == pytest.approx(found["log_loss"] + change["change"])


def test_no_unit_teaches_its_own_calibration():
    # One unit is all wrong, the others all right: it cannot mend itself, nor be mended.
    p = np.tile([0.6, 0.2, 0.2], (80, 1))
    y = np.where(np.arange(80) % 8 == 0, 1, 0)
    found = judge_calibration(judgement_of(p, y))
    assert found["used"] is None
    assert found["methods"]["temperature"]["change"] > 0


def test_a_method_must_be_clearly_better_to_be_used():
    def row(change, se=0.01, log_loss=0.5):
        return {"change": change, "se": se, "log_loss": log_loss + change}

    assert chosen_method({"a": row(-0.019), "b": row(0.1)}) is None
    assert chosen_method({"a": row(-0.03), "b": row(-0.04, se=0.03)}) == "a"
    assert chosen_method({"a": row(-0.03), "b": row(-0.04)}) == "b"
