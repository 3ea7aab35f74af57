"""What the learned features are worth: cross-validated, on speech, on moods, after coding."""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import sys
import tempfile
from pathlib import Path

import music
import numpy as np
import polars as pl
import soundfile

from affetto.audio.analysis import analyze
from affetto.audio.build import assemble, clips
from affetto.audio.build.collect import Collection, matrix
from affetto.audio.build.echonest import EchoNest, from_tables
from affetto.audio.build.fitting import area_under_curve, matching_curve
from affetto.audio.build.listeners import COMPOSITES, Listeners, read_listeners
from affetto.audio.mapping import LEARNED, LOUDNESS_OFFSET_DB, combine, follow, learned_features
from affetto.audio.maps import packaged_maps
from affetto.features import BY_NAME, FEATURE_NAMES
from affetto.model import MoodModel, load_model

AIMS = {
    **{"energy": 0.78, "acousticness": 0.72, "danceability": 0.70, "instrumentalness": 0.68},
    **{"speechiness": 0.53, "liveness": 0.42, "valence": 0.40},
}
EMOTION_AIMS = {"arousal": 0.76, "valence": 0.50, "tension": 0.50}
# Which moods should be probable where at least half of the listeners felt one of these.
MOOD_CHECKS = (
    (("Relaxing",), ("calmness", "tenderness")),
    (("Happy",), ("joyful_activation",)),
    (("Energetic",), ("power",)),
    (("Dark", "Aggressive"), ("tension",)),
)
N_CODED = 40
STABLE = 0.03
# Beside these files' speech there is music, or music alone.
NOT_SPEECH_ALONE = ("speech_music_sample", "doremi")


def row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def echonest(data: EchoNest, coded: assemble.Coded) -> np.ndarray:
    judged, held_out = assemble.judge_echonest(data, coded)
    print(
        f"\nLearned features, {assemble.N_FOLDS}-fold cross-validation × {assemble.N_REPEATS} on "
        f"{len(data.X)} FMA tracks with the Echo Nest's values:\n"
    )
    row("feature", "r", "aim", "mean absolute error", "grade")
    row("---", "--:", "--:", "--:", "---")
    for name, aim in AIMS.items():
        one = judged[name]
        row(name, f"{one.r:.3f}", f"≥ {aim:.2f}", f"{one.error:.3f}", assemble.grade(one.r))
    return held_out


def emotions(listeners: Listeners) -> np.ndarray:
    figures, held_out = assemble.judge_emotions(listeners)
    print(f"\nWhat listeners felt at {len(listeners.tracks)} Emotify clips, cross-validated r:\n")
    row("composite", "random folds", "aim", "whole genres held out")
    row("---", "--:", "--:", "--:")
    for name, aim in EMOTION_AIMS.items():
        values = figures["random"][name], figures["genres"][name]
        row(name, f"{values[0]:.3f}", f"≥ {aim:.2f}", f"{values[1]:.3f}")
    return held_out


def moods_of_clips(listeners: Listeners, felt: np.ndarray, model: MoodModel) -> None:
    """Moods from audio alone; the maps to emotions had not seen the clip they judge."""
    maps, tables = packaged_maps()
    outputs = {
        name: dict(
            zip(one.outputs, one.evaluate(matrix(listeners.tracks, one.inputs)).T, strict=True)
        )
        for name, one in maps.items()
        if name != "emotions"
    }
    outputs["emotions"] = {name: felt[:, k] for k, name in enumerate(COMPOSITES)}
    columns = combine(outputs, tables["curves"])
    measured = {
        "loudness": matrix(listeners.tracks, ["integrated_lufs"])[:, 0] + LOUDNESS_OFFSET_DB,
        "tempo": np.nan_to_num(matrix(listeners.tracks, ["tempo_bpm"])[:, 0], nan=120.0),
        "duration_ms": 1000 * matrix(listeners.tracks, ["duration_s"])[:, 0],
    }
    X = np.stack([(columns | measured)[name] for name in model.features], axis=1)
    shares = model.predict_proba(X)
    print("\nMoods of these clips from audio alone, against what half of the listeners felt:\n")
    row("probability of", "against", "AUC", "aim", "clips")
    row("---", "---", "--:", "--:", "--:")
    for moods, named in MOOD_CHECKS:
        probable = sum(shares[:, model.moods.index(mood)] for mood in moods)
        felt_it = np.maximum.reduce([listeners.shares[name].to_numpy() for name in named]) >= 0.5
        auc = area_under_curve(probable[felt_it], probable[~felt_it])
        row(" + ".join(moods), " or ".join(named), f"{auc:.3f}", "> .70", str(int(felt_it.sum())))


def speech(folder: Path, listeners: Listeners, collection: Collection) -> None:
    """Real speech, never fitted on, against real music."""
    voices = [
        path
        for path in sorted((folder / "speech").glob("*.wav"))
        if not path.stem.startswith(NOT_SPEECH_ALONE)
    ]
    described = [one for one in collection.describe_all(voices, "speech") if one]
    values = [track["speechiness"] for track in learned_features(described)]
    music_values = [track["speechiness"] for track in learned_features(listeners.tracks)]
    auc = area_under_curve(np.array(values), np.array(music_values))
    print(
        f"\nSpeechiness of {len(values)} recordings of speech (median {np.median(values):.2f}) "
        f"against {len(music_values)} of music (median {np.median(music_values):.2f}): "
        f"AUC {auc:.4f} (aim ≥ .99)."
    )


def agreement(data: EchoNest, held_out: np.ndarray, pool: Path, model: MoodModel) -> None:
    """Compare moods by true features and by ours; loudness, unknown, is the pool's."""
    medians = pl.read_csv(pool, infer_schema_length=None).select(pl.col(FEATURE_NAMES).median())
    base = {name: np.full(len(data.Y), medians[name].item()) for name in FEATURE_NAMES}
    true = base | {name: data.Y[:, k] for k, name in enumerate(LEARNED)}
    ours = base | {
        name: follow(matching_curve(held_out[:, k], data.Y[:, k]), held_out[:, k])
        for k, name in enumerate(LEARNED)
    }
    shares = [
        model.predict_proba(np.stack([one[name] for name in model.features], axis=1))
        for one in (true, ours)
    ]
    order = [np.argsort(-one, axis=1) for one in shares]
    same = float((order[0][:, 0] == order[1][:, 0]).mean())
    among = float((order[0][:, :1] == order[1][:, :2]).any(axis=1).mean())
    chance = np.bincount(order[0][:, 0], minlength=len(model.moods)) / len(data.Y)
    other = np.bincount(order[1][:, 0], minlength=len(model.moods)) / len(data.Y)
    print(
        f"\nMood by features from audio beside mood by the Echo Nest's own, {len(data.Y)} FMA "
        f"tracks (each feature judged by a map that had not seen the track; loudness and "
        f"tempo at the pool's median): the same mood {same:.2f}, theirs among our first two "
        f"{among:.2f}; by chance {float(chance @ other):.2f}."
    )


def stability(model: MoodModel) -> None:
    """Compare the same clip as wav, flac, mp3 and ogg."""
    paths = music.installed()
    if not paths:
        print("\nCodec stability: no music is installed here; set AFFETTO_MUSIC to a folder.")
        return
    moved: dict[str, list[dict[str, float]]] = {}
    kept: list[bool] = []
    with tempfile.TemporaryDirectory() as name:
        for path in paths[:: max(1, len(paths) // N_CODED)][:N_CODED]:
            # Another part of the track than the one whose codings the maps were made steady on.
            if (samples := clips.cut(path, 0.2)) is None:
                continue
            files = clips.write_coded(samples, Path(name) / "clip")
            files["flac"] = Path(name) / "clip.flac"
            soundfile.write(files["flac"], samples, clips.RATE_HZ, subtype="PCM_16")
            found = {coding: analyze(file).features for coding, file in files.items()}
            if any(np.isnan(value) for value in found["wav"].values()):
                continue
            rows = np.array([[one[f] for f in model.features] for one in found.values()])
            said = model.predict_proba(rows).argmax(axis=1)
            kept += (said[1:] == said[0]).tolist()
            for coding, features in found.items():
                if coding != "wav":
                    moved.setdefault(coding, []).append(
                        {f: abs(features[f] - found["wav"][f]) / _width(f) for f in FEATURE_NAMES}
                    )
    print(f"\nCoding: change against wav in shares of the range, {len(moved['flac'])} clips:\n")
    row("coding", "within .03", "aim", *(f"{name}" for name in FEATURE_NAMES))
    row("---", "--:", "--:", *["--:"] * len(FEATURE_NAMES))
    for coding, tracks in moved.items():
        table = np.array([[one[name] for name in FEATURE_NAMES] for one in tracks])
        cells = (f"{np.nanmax(table[:, k]):.3f}" for k in range(len(FEATURE_NAMES)))
        row(coding, f"{(table <= STABLE).mean():.3f}", "1", *cells)
    print(
        f"\n(Largest change of each feature.) The mood stayed in {np.mean(kept):.3f} (aim ≥ .95)."
    )


def _width(name: str) -> float:
    feature = BY_NAME[name]
    return feature.high - feature.low if np.isfinite(feature.high) else 30_000.0


def main() -> None:
    shared = Path(os.environ.get("AFFETTO_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not shared.exists():
        sys.exit(f"no data in {shared}; set AFFETTO_DATA")
    cache = Path(os.environ.get("AFFETTO_CACHE", "~/.cache/affetto")).expanduser() / "descriptors"
    collection = Collection(cache, tell)
    pairs = shared / "audio_pairs"
    data = from_tables(pairs / "fma_mfcc_echonest.csv")
    listeners = read_listeners(shared / "audio" / "emotify", collection)
    coded = assemble.coded_versions(collection, music.installed(), tell)
    held_out = echonest(data, assemble.coded_pairs(coded))
    felt = emotions(listeners)
    model = load_model()
    moods_of_clips(listeners, felt, model)
    speech(shared / "audio", listeners, collection)
    agreement(data, held_out, shared / "pool" / "unlabelled.csv", model)
    stability(model)


if __name__ == "__main__":
    main()
