"""Data advice, unaided: on real tables whose faults are known, and on tables without any."""

from functools import partial

import numpy as np
import polars as pl
import pytest

from affetto.demo import demo_table
from affetto.features import FEATURE_NAMES
from affetto.learning import advice, needs, workflow
from affetto.learning.across import sources_pool, unseen_source
from affetto.learning.candidates import BY_NAME
from affetto.learning.comparison import Judge
from affetto.learning.consistency import consistency
from affetto.learning.dataset import gather
from affetto.learning.interpretation import odds_ratios
from affetto.learning.labels import LabelledTable, resolve_tables
from affetto.learning.protocols import with_groups
from affetto.learning.splits import group_splits
from affetto.learning.workflow import train
from affetto.sources.datasets import DATASETS, open_table
from affetto.sources.tables import from_frame


@pytest.fixture(autouse=True, scope="module")
def quick():
    """The learning curve on random folds has no part in this."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workflow, "COMPARE_REPEATS", 1)
        patch.setattr(workflow, "CURVE_SHARES", (0.5, 1.0))
        patch.setattr(workflow, "odds_ratios", partial(odds_ratios, n_bootstrap=12))
        patch.setattr(needs, "N_DRAWS", 100)
        yield


def advised(tables, **options):
    run = train(tables, candidates=("logistic",), group="playlist", jobs=1, **options)
    return run.evidence, [piece["finding"] for piece in run.evidence["advice"]]


@pytest.fixture(scope="module")
def real(data_dir):
    """The article's table and two more, with what the committee (as chosen there) says unseen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFFETTO_DATA", str(data_dir))
        patch.setattr(needs, "MOST_WAYS", 4)
        tables = [
            LabelledTable(
                open_table(f"dataset:{name}"), mapping=DATASETS[name].mapping,
                dropped=DATASETS[name].dropped,
            )
            for name in ("article", "calm-energetic-happy-sad", "angry-happy-sad")
        ]  # fmt: skip
        tracks, audit = gather(tables, group="playlist")
        tracks = with_groups(tracks)
        judge = Judge(tracks, 42, None, lambda *step: None)
        made = group_splits(tracks.y, tracks.groups, tracks.moods, limit=8)
        committee, settings = BY_NAME["committee"], {"committee": {}}
        unseen = judge.judge([committee], settings, made.splits, "")["committee"]
        rows = consistency(tracks.X, tracks.y, tracks.groups, tracks.moods, unseen)
        evidence = {
            "data": audit.as_dict(),
            "consistency": rows,
            "needs": needs.needs(judge, committee, settings, made, unseen),
            "unseen_source": unseen_source(
                judge, sources_pool(tables, tracks.features), BY_NAME["logistic"],
                {"logistic": {"C": 1.0}},
            ),
        }  # fmt: skip
        pieces = [*advice._groups_apart(evidence), *advice._needs(evidence)]
        pieces += [*advice._hurting(evidence), *advice._audit(evidence)]
        return evidence, [piece["finding"] for piece in pieces]


@pytest.mark.data
def test_what_is_wrong_with_the_real_tables_is_found(real):
    evidence, findings = real
    assert "Energetic-2 disagrees with its mood" in findings
    assert sum("disagrees" in finding for finding in findings) == 1
    assert "Relaxing-1 and Relaxing-2 are two different things" in findings
    needy = [finding for finding in findings if "needs more playlists" in finding]
    assert needy == ["Energetic needs more playlists", "Dark needs more playlists"]
    assert "Tables share tracks" in findings
    assert evidence["data"]["shared_between_tables"] > 150


@pytest.mark.data
def test_each_real_table_is_judged_among_its_own_moods(real):
    evidence, _ = real
    by_source = evidence["unseen_source"]
    assert set(by_source["sources"]) == {
        "article", "calm-energetic-happy-sad", "angry-happy-sad",
    }  # fmt: skip
    assert by_source["sources"]["angry-happy-sad"]["moods"] == ["Aggressive", "Happy"]
    assert 0.6 < by_source["balanced_accuracy"] < 0.9


def alike(n_playlists=3, n=25, seed=0):
    """Playlists that differ in nothing but their mood."""
    draw = np.random.default_rng(seed)
    base = demo_table().select(FEATURE_NAMES).head(1).rows()[0]
    centres = {"Happy": (0.8, 0.9), "Dark": (0.5, 0.1), "Relaxing": (0.1, 0.6)}
    rows = []
    for mood, (energy, valence) in centres.items():
        for i in range(n_playlists * n):
            row = dict(zip(FEATURE_NAMES, base, strict=True))
            row |= {name: float(draw.uniform(0.1, 0.9)) for name in ("danceability", "liveness")}
            row["energy"] = float(np.clip(energy + 0.1 * draw.normal(), 0, 1))
            row["valence"] = float(np.clip(valence + 0.1 * draw.normal(), 0, 1))
            row["tempo"] = float(draw.uniform(70, 160))
            rows.append({"mood": mood, "playlist": f"{mood}-{i % n_playlists}", **row})
    return pl.DataFrame(rows)


def test_where_nothing_is_wrong_nothing_is_said_to_be():
    evidence, findings = advised(alike())
    wrong = ("disagrees", "two different things", "needs more", "wrong label", "hurts", "Expect")
    assert not [finding for finding in findings if any(word in finding for word in wrong)]
    assert evidence["unseen_group"]["balanced_accuracy"] > 0.9


def test_a_playlist_of_another_mood_is_found():
    table = alike().with_columns(
        # The third happy playlist is, in truth, relaxing music.
        energy=pl.when(pl.col("playlist") == "Happy-2").then(0.1).otherwise("energy"),
        valence=pl.when(pl.col("playlist") == "Happy-2").then(0.6).otherwise("valence"),
    )
    evidence, findings = advised(table)
    assert "Happy-2 disagrees with its mood" in findings
    assert evidence["suspects"]["left_out"] == ["Happy-2"]


def test_each_mood_of_a_table_without_playlists_is_a_group_of_its_own():
    named = LabelledTable(from_frame(alike(seed=1), "named"))
    bare = LabelledTable(from_frame(alike(seed=2).drop("playlist"), "bare"))
    evidence, _ = advised([named, bare])
    groups = set(evidence["data"]["groups"])
    assert {"bare: Happy", "bare: Dark", "bare: Relaxing", "Happy-0"} <= groups
    assert "bare" not in groups


def test_without_groups_nothing_is_renamed():
    tracks, _ = gather(resolve_tables(alike()))
    assert with_groups(tracks) is tracks
