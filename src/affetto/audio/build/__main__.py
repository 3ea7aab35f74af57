"""Fit the maps from descriptors to features, and write them: `python -m affetto.audio.build`."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from affetto.audio.build import assemble, clips
from affetto.audio.build.collect import Collection, matrix
from affetto.audio.build.echonest import EchoNest, from_audio, from_tables
from affetto.audio.build.listeners import COMPOSITES, EMOTION_INPUTS, Listeners, read_listeners
from affetto.audio.maps import PACKAGED, Map, write_maps
from affetto.errors import AffettoError, UsageError

_MADE = {
    "energy": "Echo Nest values of FMA tracks, with arousal felt by Emotify's listeners",
    "valence": "Echo Nest values of FMA tracks, with valence felt by Emotify's listeners",
    "liveness": "Echo Nest values of FMA tracks; synthetic crowds over music",
    "speechiness": "Echo Nest values of FMA tracks; synthetic speech over music",
}
_MEASURED = {
    "tempo": "measured: autocorrelation of onsets, octave chosen by what speaks for each",
    "duration_ms": "measured: samples counted",
    "loudness": "measured: EBU R 128 integrated loudness + 4.0 dB, Spotify's scale",
}


def tell(line: str) -> None:
    """Say how far it is."""
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; give its exit code."""
    try:
        return _run(_parser().parse_args(arguments))
    except AffettoError as exc:
        tell(f"affetto.audio.build: {exc}")
        return 2 if isinstance(exc, UsageError) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m affetto.audio.build", description=__doc__)
    parser.add_argument("--fma-pairs", type=Path, help="CSV: MFCC statistics and values of tracks")
    parser.add_argument("--fma-audio", type=Path, help="folder of FMA's audio, in place of pairs")
    parser.add_argument("--echonest", type=Path, help="CSV: values by track_id, for --fma-audio")
    parser.add_argument("--emotify", type=Path, required=True, help="folder with labels.csv")
    parser.add_argument(
        "--music", type=Path, nargs="+", required=True, help="folders of music to code and mix"
    )
    parser.add_argument("--cache", type=Path, default=Path("build-cache"), help="for descriptors")
    parser.add_argument("--out", type=Path, default=PACKAGED)
    return parser


def _run(options: argparse.Namespace) -> int:
    collection = Collection(options.cache, tell)
    music = clips.music_files(options.music)
    if not music:
        raise UsageError(f"no audio in {', '.join(map(str, options.music))}")
    data = _echonest(options, collection)
    listeners = read_listeners(options.emotify, collection)
    coded = assemble.coded_versions(collection, music, tell)
    pairs = assemble.coded_pairs(coded)
    tell("fitting")
    judged, held_out = assemble.judge_echonest(data, pairs)
    emotion_figures, felt = assemble.judge_emotions(listeners)
    echonest = assemble.fit_echonest(data, pairs)
    emotions = assemble.fit_emotions(listeners)
    beds = assemble.music_beds(music)
    with tempfile.TemporaryDirectory() as folder:
        voices = clips.speak(Path(folder), assemble.N_VOICES)
        speech, speech_curve, speech_auc = assemble.fit_share(
            collection, beds, voices, "speech", tell
        )
    crowds = clips.applaud(assemble.N_VOICES)
    crowd, crowd_curve, crowd_auc = assemble.fit_share(collection, beds, crowds, "crowd", tell)
    # Music that neither map was fitted on, beside clips judged by a map that had not seen them.
    originals = [versions[0] for versions in coded]
    said = np.vstack([felt, emotions.evaluate(matrix(originals, EMOTION_INPUTS))])
    curves = assemble.curves_of(
        data,
        held_out,
        echonest,
        {name: said[:, k] for k, name in enumerate(COMPOSITES)},
        [*listeners.tracks, *originals],
    )
    curves |= {"speech": speech_curve, "crowd": crowd_curve}
    figures = {
        "echonest": {name: [round(one.r, 3), round(one.error, 3)] for name, one in judged.items()},
        "emotify": emotion_figures,
        "speech_auc": round(speech_auc, 4),
        "crowd_auc": round(crowd_auc, 4),
        "n": {"echonest": len(data.X), "emotify": len(listeners.tracks), "coded": len(coded)},
    }
    maps: dict[str, Map] = {"echonest": echonest, "emotions": emotions}
    maps |= {"speech": speech, "crowd": crowd}
    write_maps(options.out, maps, {"curves": curves, "card": _card(judged, figures, listeners)})
    for name, one in judged.items():
        tell(f"{name:18s} r {one.r:.3f}  error {one.error:.3f}")
    tell(f"emotify {emotion_figures}")
    tell(f"synthetic, against music: speech AUC {speech_auc:.4f}, crowds {crowd_auc:.4f}")
    tell(f"written: {options.out}, {options.out.stat().st_size / 1e6:.2f} MB")
    return 0


def _echonest(options: argparse.Namespace, collection: Collection) -> EchoNest:
    if options.fma_audio and options.echonest:
        return from_audio(options.fma_audio, options.echonest, collection)
    if options.fma_pairs:
        return from_tables(options.fma_pairs)
    raise UsageError("name --fma-pairs, or --fma-audio with --echonest")


def _card(
    judged: dict[str, assemble.Judged], figures: dict[str, Any], listeners: Listeners
) -> dict[str, Any]:
    rows = []
    for name, one in judged.items():
        rows.append(
            {
                "feature": name,
                "grade": assemble.grade(one.r),
                "r": f"{one.r:.2f}",
                "± error": f"{one.error:.2f}",
                "made": "learned: " + _MADE.get(name, "Echo Nest values of FMA tracks"),
            }
        )
    rows.sort(key=lambda row: row["grade"])
    for name, made in _MEASURED.items():
        grade = "A" if name != "tempo" else "B"
        rows.append({"feature": name, "grade": grade, "r": "–", "± error": "–", "made": made})
    emotify = figures["emotify"]["random"]
    notes = [
        "r: Pearson correlation with the Echo Nest's own values, ± error: mean absolute error; "
        f"both by 10-fold cross-validation on {figures['n']['echonest']} tracks of the FMA "
        "dataset. Grades: A from .75, B from .60, C from .45, D below.",
        f"What listeners of {figures['n']['emotify']} Emotify clips felt is predicted with r "
        f"{emotify['arousal']:.2f} (arousal), {emotify['valence']:.2f} (valence), "
        f"{emotify['tension']:.2f} (tension).",
        "Fitted on: FMA (Defferrard et al. 2017) with the Echo Nest's values; Emotify (Aljanaki "
        "et al. 2016; music Magnatune, CC BY-NC-SA, non-commercial research use); synthetic "
        "speech and crowds. The maps hold parameters, no track.",
    ]
    return {"features": rows, "notes": notes, "figures": figures}


if __name__ == "__main__":
    sys.exit(main())
