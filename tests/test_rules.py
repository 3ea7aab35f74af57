"""Rules in words: read as meant, refused with a reason, exact where they meet, never two minds."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affetto.errors import ModelError, UsageError
from affetto.moods import MOOD_NAMES
from affetto.rules import MOST_RULES, Condition, Rule, Rules, learned_rules

TWO = ("energy", "valence")


def parse(text, **options):
    return Rules.parse(text, moods=MOOD_NAMES, **options)


def decided(text, rows):
    rules = parse(text)
    index = rules.apply(np.array(rows, dtype=float), TWO)
    return [None if i < 0 else rules.rules[i].mood for i in index]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("instrumentalness > .7 and energy < .3 -> Relaxing",
         "instrumentalness > 0.7 and energy < 0.3 → Relaxing"),
        ("energy>=.9→aggressive", "energy ≥ 0.9 → Aggressive"),
        ("ENERGY ≤ 50% -> Dark", "energy ≤ 0.5 → Dark"),
        ("energy > 7e-1 AND valence < 0.2 & tempo > 90 bpm -> Dark",
         "energy > 0.7 and valence < 0.2 and tempo > 90 BPM → Dark"),
        ("loudness < −12 dB -> Dark", "loudness < -12 dB → Dark"),
        ("Length > 3.5 min -> Dark", "duration_ms > 210000 ms → Dark"),
        ("duration (ms) > 210 s -> Dark", "duration_ms > 210000 ms → Dark"),
        ("tempo > 0 -> Dark  # has one", "tempo > 0 BPM → Dark"),
        ("energy > .3 and energy < .6 -> Dark", "energy > 0.3 and energy < 0.6 → Dark"),
    ],
)  # fmt: skip
def test_rules_are_read_in_the_ways_people_write_them(line, text):
    [rule] = parse(line).rules
    assert str(rule) == text
    assert parse(text).texts == (text,)  # and can be read again


def test_comments_and_blank_lines_are_skipped_and_lines_counted():
    rules = parse("# mine\n\n  energy < .3 -> Dark # low\n\nenergy > .7 -> Happy\n")
    assert [rule.line for rule in rules.rules] == [3, 5]


def test_moods_of_ones_own_may_hold_what_looks_like_syntax():
    moods = ("C# minor", "slow and sad", "a > b")
    text = "energy < .3 -> C# minor\nenergy > .7 -> slow and sad\ntempo > 999 s -> a > b"
    with pytest.raises(UsageError, match="line 3: found 's' as the unit of tempo; expected none"):
        Rules.parse(text, moods=moods)
    good = Rules.parse(text.replace("tempo > 999 s", "energy < .6 and energy > .4"), moods=moods)
    assert [rule.mood for rule in good.rules] == list(moods)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no rule; expected one a line"),
        ("# nothing", "holds no rule"),
        ("energy < .3", "line 1: found 'energy < .3'; expected comparisons, an arrow and a mood"),
        ("energy < .3 ->", "expected comparisons, an arrow and a mood"),
        ("-> Dark", "expected comparisons, an arrow and a mood"),
        ("\nenergi < .3 -> Dark", "line 2: found 'energi' as a feature; did you mean energy"),
        ("brightness < .3 -> Dark", "found 'brightness' as a feature; The ten are energy, "),
        ("dance < .3 -> Dark", "found 'dance' as a feature; did you mean danceability"),
        ("energy < .3 -> Relaxin", "found 'Relaxin' as a mood; did you mean Relaxing"),
        ("energy < .3 -> Joy", "found 'Joy' as a mood; The model's moods are Energetic, "),
        ("energy > 70 -> Dark", "found 70 for energy, which is 0–1: in percent. Then write 0.7"),
        ("energy > 7000 -> Dark", "found 7000 for energy, which is 0–1$"),
        ("energy > -1 -> Dark", "found -1 for energy"),
        ("loudness > 12 -> Dark", "music is below 0 dB; did you mean -12"),
        ("duration_ms > 180 -> Dark", "in seconds. Then write 180 s"),
        ("tempo > .5 -> Dark", "from a table scaled to 0–1"),
        ("energy > 0,5 -> Dark", "decimals have a point, not a comma"),
        ("energy = .5 -> Dark", "hardly any track has exactly one value"),
        (".3 < energy < .5 -> Dark", "write two comparisons with 'and' between them"),
        ("energy > high -> Dark", "found 'energy > high'; expected a feature"),
        ("energy > .5 or valence > .5 -> Dark", "found 'or' in .*; write a line for either side"),
        ("energy > 1 dB -> Dark", "found 'dB' as the unit of energy; expected none, %"),
        ("energy>.1 and energy>.2 and energy>.3 and tempo>90 -> Dark",
         "found 4 comparisons; expected 3 at most"),
        ("energy > .5 and energy < .3 -> Dark",
         "can never hold: no track has energy > 0.5 and energy < 0.3"),
        ("energy > .5 and energy <= .5 -> Dark", "can never hold"),
        ("energy > 1 -> Dark", "can never hold: no track has energy > 1, since energy is 0–1"),
        ("energy < .3 -> Dark\n\nenergy < .30 -> dark", "line 3 says the same as line 1"),
        ("energy < .3 and energy < .5 -> Dark\nenergy < .3 -> Dark", "line 2 says the same"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_line_and_reason(text, message):
    with pytest.raises(UsageError, match=message):
        parse(text, name="mine.txt")


def test_rules_hold_exactly_where_they_say():
    rows = [[0.3, 0.5], [np.nextafter(0.3, 0), 0.5], [np.nextafter(0.3, 1), 0.5], [0.9, 0.5]]
    assert decided("energy < .3 -> Dark", rows) == [None, "Dark", None, None]
    assert decided("energy <= .3 -> Dark", rows) == ["Dark", "Dark", None, None]
    assert decided("energy > .3 -> Dark", rows) == [None, None, "Dark", "Dark"]
    assert decided("energy >= .3 -> Dark", rows) == ["Dark", None, "Dark", "Dark"]
    assert decided("energy > .3 and energy < .9 -> Dark", rows) == [None, None, "Dark", None]


def test_single_precision_is_compared_in_double():
    X = np.array([[0.3, 0.5]], dtype=np.float32)  # 0.30000001…
    assert parse("energy > .3 -> Dark").apply(X, TWO).tolist() == [0]


def test_a_missing_value_meets_no_condition():
    assert decided("energy < .3 -> Dark\nenergy >= .3 -> Happy", [[np.nan, 0.5]]) == [None]
    assert decided("energy < .3 -> Dark", [[0.1, np.nan]]) == ["Dark"]


def test_rules_that_touch_do_not_clash():
    rules = parse("energy < .3 -> Dark\nenergy >= .3 -> Happy")
    assert rules.notes == ()
    with pytest.raises(UsageError, match="contradict"):
        parse("energy <= .3 -> Dark\nenergy >= .3 -> Happy")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("energy < .3 -> Dark\nvalence < .3 -> Happy",
         r"line 1 \(energy < 0.3 → Dark\) and line 2 \(valence < 0.3 → Happy\) contradict each "
         r"other, at energy 0.1, valence 0.1 for one"),
        ("energy < .5 -> Dark\nenergy > .4 -> Happy", "at energy 0.45 for one|at energy 0.4"),
        ("energy < .5 -> Dark\nenergy < .5 -> Happy", "line 1 .* and line 2 .* contradict"),
        ("tempo > 120 -> Happy\nenergy < .5 -> Dark\nloudness > -5 -> Dark",
         "line 1 .* and line 2 .* contradict"),
    ],
)  # fmt: skip
def test_rules_of_two_minds_are_refused(text, message):
    with pytest.raises(UsageError, match=message):
        parse(text)


def test_the_example_of_a_clash_is_one():
    one, other = parse("energy < .123456 -> Dark").rules[0], Rule(
        (Condition("energy", ">", 0.1234),), "Happy", 2
    )  # fmt: skip
    with pytest.raises(UsageError, match=r"at energy (\S+) for one") as caught:
        Rules.checked([one, other])
    value = float(str(caught.value).split("at energy ")[1].split()[0])
    point = np.array([[value]])
    assert one.holds(point, ["energy"]).all() and other.holds(point, ["energy"]).all()


def test_the_rule_that_lies_wholly_inside_decides_there():
    text = "energy < .5 -> Relaxing\nenergy < .5 and valence < .3 -> Dark"
    assert parse(text).notes == (
        "line 2 lies wholly inside line 1: where both hold, it decides (Dark)",
    )
    rows = [[0.2, 0.2], [0.2, 0.8], [0.8, 0.2]]
    for order in (1, -1):
        swapped = "\n".join(text.split("\n")[::order])
        assert decided(swapped, rows) == ["Dark", "Relaxing", None]


def test_three_deep():
    text = "energy < .2 -> Dark\nenergy < .9 -> Happy\nenergy < .5 -> Relaxing"
    assert decided(text, [[0.1, 0], [0.4, 0], [0.8, 0], [0.95, 0]]) == [
        "Dark", "Relaxing", "Happy", None
    ]  # fmt: skip


def test_rules_of_one_mood_may_overlap():
    text = "energy < .5 -> Dark\nvalence < .5 -> Dark"
    assert decided(text, [[0.1, 0.9], [0.9, 0.1], [0.1, 0.1], [0.9, 0.9]]) == ["Dark"] * 3 + [None]


bounds = st.integers(0, 10).map(lambda tenth: tenth / 10)
conditions = st.builds(Condition, st.sampled_from(TWO), st.sampled_from(["<", "<=", ">", ">="]),
                       bounds)  # fmt: skip
some_rules = st.lists(
    st.builds(
        Rule,
        st.lists(conditions, min_size=1, max_size=3).map(tuple),
        st.sampled_from(["Dark", "Happy"]),
    ).filter(lambda rule: all(low <= high for low, high in rule.box.values())),
    min_size=1,
    max_size=4,
)
# Every tenth, and what lies just beside it and between: all the ways that bounds can fall.
_TENTHS = np.arange(11) / 10
_STEPS = np.unique(np.concatenate([_TENTHS, (_TENTHS[:-1] + _TENTHS[1:]) / 2]))
POINTS = np.stack(np.meshgrid(_STEPS, _STEPS), axis=-1).reshape(-1, 2)


@settings(max_examples=150, deadline=None)
@given(some_rules)
def test_what_is_accepted_has_one_answer_everywhere_and_what_is_refused_has_not(rules):
    held = [rule.holds(POINTS, TWO) for rule in rules]
    try:
        checked = Rules.checked(rules)
    except UsageError:
        pairs = [(i, j) for j in range(len(rules)) for i in range(j)]
        assert any(
            (held[i] & held[j]).any()
            and (rules[i].mood != rules[j].mood or (held[i] == held[j]).all())
            for i, j in pairs
        )
        return
    index = checked.apply(POINTS, TWO)
    assert ((index >= 0) == np.any(held, axis=0)).all()
    for place in np.flatnonzero(index >= 0):
        chosen = held[index[place]]
        for rule, where in zip(rules, held, strict=True):
            if where[place] and rule.mood != rules[index[place]].mood:
                assert (where | ~chosen).all()  # the chosen one lies inside the other


def test_a_file_is_read_whole_or_refused(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("\ufeffenergy < .3 -> Dark\r\nenergy > .7 → Happy\r\n", encoding="utf-8")
    assert len(Rules.read(path, moods=MOOD_NAMES).rules) == 2
    with pytest.raises(UsageError, match=r"cannot read the rules in .*: No such file"):
        Rules.read(tmp_path / "absent.txt")
    with pytest.raises(UsageError, match="cannot read the rules"):
        Rules.read(tmp_path)
    path.write_bytes(b"energy < .3 -> D\xe4mmer")
    with pytest.raises(UsageError, match="is no text in UTF-8"):
        Rules.read(path)
    path.write_bytes(b"x" * 300_000)
    with pytest.raises(UsageError, match="is it a file of rules"):
        Rules.read(path)
    path.write_text("energi < .3 -> Dark")
    with pytest.raises(UsageError, match=r"mine\.txt, line 1: "):
        Rules.read(path)


def test_too_many_rules_are_refused():
    lines = [f"tempo >= {a} and tempo < {b} -> Dark" for a, b in
             pairwise(np.linspace(20, 300, MOST_RULES + 2).round(3))]  # fmt: skip
    with pytest.raises(UsageError, match="501 rules; expected 500 at most"):
        parse("\n".join(lines))
    assert len(parse("\n".join(lines[:-1])).rules) == MOST_RULES


def learned(**changes):
    row = {"mood": "Dark", "rule": "energy < 0.3", "precision": 0.9, "beats_model": True}
    return {"rules": [{**row, **changes}]}


def test_learned_rules_are_those_that_beat_the_model():
    [rule] = learned_rules(learned(), MOOD_NAMES).rules
    assert (str(rule), rule.precision) == ("energy < 0.3 → Dark", 0.9)
    assert learned_rules(learned(beats_model=False), MOOD_NAMES) is None
    assert learned_rules({}, MOOD_NAMES) is None
    assert learned_rules({"rules": None}, MOOD_NAMES) is None


@pytest.mark.parametrize(
    "about",
    [
        {"rules": "energy < 0.3"},
        {"rules": [3]},
        {"rules": [{}]},
        {"rules": learned()["rules"] * (MOST_RULES + 1)},
        learned(rule="energy < 30"),
        learned(rule=None),
        learned(mood="Sad"),
        learned(precision=None),
        learned(precision=1.5),
        learned(precision="high"),
        {"rules": [*learned()["rules"], *learned(mood="Happy")["rules"]]},
    ],
)
def test_a_model_that_holds_other_things_is_refused(about):
    with pytest.raises(ModelError, match="rule"):
        learned_rules(about, MOOD_NAMES)
