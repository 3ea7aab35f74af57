"""From descriptors to the ten features."""

from collections.abc import Mapping

from affetto.features import FEATURE_NAMES


def map_features(descriptors: Mapping[str, float]) -> dict[str, float]:
    """Give the ten features; those that are learned are NaN for now."""
    features = dict.fromkeys(FEATURE_NAMES, float("nan"))
    features["duration_ms"] = round(1000 * descriptors["duration_s"])
    features["loudness"] = descriptors["integrated_lufs"] + 4.0
    features["tempo"] = descriptors["tempo_bpm"]
    return features
