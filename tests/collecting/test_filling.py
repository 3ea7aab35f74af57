"""Features filled in: in order, asking each source only for what is open."""

import numpy as np
import pytest

from affetto.collecting.filling import fill, origins_of, parse_fill
from affetto.collecting.gathering import Gathered
from affetto.errors import UsageError
from affetto.features import FEATURE_NAMES
from affetto.sources.contract import Listed
from affetto.tracks import Track

WHOLE = {
    **dict.fromkeys(FEATURE_NAMES, 0.5),
    **{"tempo": 120.0, "loudness": -8.0, "duration_ms": 200_000.0},
}


def named(*ids, **more):
    found = Gathered()
    found.begin_group("a", "Happy", "files")
    for each in ids:
        found.add(Listed(Track(id=each, **more)))
    return found


def origins(found, order):
    _, places = found.chosen(order)
    return [sorted({order[place] for place in row if place >= 0}) for row in places]


def test_each_source_is_asked_only_for_what_those_before_left_open(stage, make_teller):
    found = named("a", "b", "c")
    found.offer("table", 0, WHOLE)
    first = make_teller("reccobeats", {"b": WHOLE})
    second = make_teller("audio", {"c": WHOLE})
    order = ("table", "reccobeats", "audio")
    assert fill(found, {"reccobeats": first, "audio": second}, order, stage) == []
    assert [one.track.id for one in first.asked] == ["b", "c"]
    assert [one.track.id for one in second.asked] == ["c"]
    assert origins(found, order) == [["table"], ["reccobeats"], ["audio"]]
    assert stage.names == ["reccobeats", "audio"]


def test_the_order_is_the_users(stage, make_teller):
    found = named("a")
    found.offer("table", 0, WHOLE)
    audio = make_teller("audio", {"a": {**WHOLE, "energy": 0.9}})
    order = parse_fill("audio, TABLE")
    fill(found, {"audio": audio}, order, stage)
    values, _ = found.chosen(order)
    assert values[0, FEATURE_NAMES.index("energy")] == 0.9


def test_a_gap_in_a_table_is_filled_and_the_rest_of_it_stays(stage, make_teller):
    found = named("a")
    found.offer("table", 0, {name: value for name, value in WHOLE.items() if name != "liveness"})
    teller = make_teller("reccobeats", {"a": {**WHOLE, "liveness": 0.25, "energy": 0.75}})
    order = ("table", "reccobeats")
    fill(found, {"reccobeats": teller}, order, stage)
    values, places = found.chosen(order)
    assert values[0, FEATURE_NAMES.index("liveness")] == 0.25
    assert values[0, FEATURE_NAMES.index("energy")] == 0.5
    assert places[0].tolist().count(1) == 1


def test_a_known_length_is_told_to_who_is_asked(stage, make_teller):
    found = named("a", "b")
    found.offer("spotify", 0, {"duration_ms": 180_000.0})
    teller = make_teller("reccobeats", {})
    fill(found, {"reccobeats": teller}, ("spotify", "reccobeats"), stage)
    assert [dict(one.features) for one in teller.asked] == [{"duration_ms": 180_000.0}, {}]


def test_a_source_that_fails_costs_only_what_it_had_not_told(stage, make_teller):
    found = named("a", "b", "c")
    first = make_teller("reccobeats", dict.fromkeys("abc", WHOLE), fails_after=1)
    second = make_teller("audio", dict.fromkeys("abc", WHOLE))
    order = ("reccobeats", "audio")
    (problem,) = fill(found, {"reccobeats": first, "audio": second}, order, stage)
    assert (problem.what, str(problem.error)) == ("reccobeats", "reccobeats is gone")
    assert origins(found, order) == [["reccobeats"], ["audio"], ["audio"]]


def test_an_isrc_that_a_source_knows_is_kept_and_one_that_is_there_stays(stage, make_teller):
    found = named("a")
    found.add(Listed(Track(id="b", isrc="USRC17607839")))
    fill(found, {"reccobeats": make_teller("reccobeats", {})}, ("reccobeats",), stage)
    assert [one.track.isrc for one in found.tracks] == ["DEABC2600000", "USRC17607839"]


def test_nobody_is_asked_where_nothing_is_open_or_nobody_could_tell(stage, make_teller):
    found = named("a")
    found.offer("table", 0, WHOLE)
    found.add(Listed(Track(title="no id")))
    teller = make_teller("reccobeats", {})
    fill(found, {"reccobeats": teller}, ("table", "reccobeats"), stage)
    assert teller.asked == [] and stage.names == []
    assert np.isnan(found.chosen(("table", "reccobeats"))[0][1]).all()


@pytest.mark.parametrize("text", ["", "tabel", "audio,audio", "table,,none", ","])
def test_an_order_that_cannot_be_read_is_refused(text):
    with pytest.raises(UsageError, match="expected each at most once of table, spotify"):
        parse_fill(text)


def test_lengths_of_listing_services_count_behind_tables():
    assert origins_of(("table", "audio"), ["spotify"]) == ("table", "spotify", "audio")
    assert origins_of(("audio", "table"), ["subsonic"]) == ("audio", "table", "subsonic")
    assert origins_of(("audio",), ["table", "jellyfin"]) == ("jellyfin", "audio")
    assert origins_of(("table", "spotify"), ["spotify"]) == ("table", "spotify")
