"""The default model: what it was made from, and what its file says of itself."""

import pytest

from affetto.learning.pooled import FEATURES, TABLES, public_pool
from affetto.model import load_model
from affetto.moods import MOODS


@pytest.mark.data
def test_the_pool_of_public_tables(data_dir):
    del data_dir  # skips where the tables are absent
    pool = public_pool()
    counts = pool.counts()
    assert len(counts) == 13
    assert pool.moods == tuple(mood.name for mood in MOODS)
    assert set(counts["article"]) == set(pool.moods)
    # Nobody else has Dark.
    assert [name for name, own in counts.items() if "Dark" in own] == ["article"]
    assert counts["angry-happy-sad"].keys() == {"Aggressive", "Happy"}
    shared = set(pool.tracks[pool.sources == "article"]) & set(
        pool.tracks[pool.sources == "angry-happy-sad"]
    )
    # Known: 76 tracks of Happy-1, about 90 of Happy-2, 12 of Aggressive-2.
    assert 165 <= len(shared) <= 185


def test_the_packaged_model_says_how_it_was_judged():
    model = load_model()
    about = model.about
    assert model.features == FEATURES
    assert not model.holds_training_rows
    assert about["tables"] == list(TABLES)
    assert about["synthetic"] is False
    assert about["unseen_group"]["rule"].startswith("one group of every mood held out, all 32")
    sources = about["unseen_source"]["sources"]
    assert len(sources) == 10
    # Better than chance on every source: 1 / moods.
    assert all(own["balanced_accuracy"] > 1 / len(own["moods"]) for own in sources.values())
    assert model.population is not None
    assert model.population.tracks == about["tracks"]
