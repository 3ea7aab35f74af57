"""Chart of whether the groups of a mood agree: told apart, and recognised while unseen."""

from collections.abc import Mapping, Sequence

from affetto.reporting import svg
from affetto.reporting.charts import WIDE, Row
from affetto.reporting.svg import INK, MUTED, SMALL, Scale, mood_colour
from affetto.reporting.words import joined, known, percent, three

MOST_ROWS = 32
"""With more groups than this, one a mood is drawn: the one that agrees least."""

DIFFERENT = 0.9
"""AUC from which two groups count as different things; shaded."""

NOTHING_SHARED = 0.95
"""AUC of two groups from which they share almost nothing: 19 of 20 pairs of tracks told apart."""

_VERDICTS = {
    "disagrees": "disagrees",
    "apart": "another thing",
    "distinct": "differs",
}
_ROW, _HEAD, _TOP = 22.0, 27.0, 62.0
_APART = Scale(0.5, 1, 222, 420)
_KNOWN = Scale(0, 1, 468, 666)


def least_agreeing(rows: Sequence[Row]) -> Row:
    """Give the group that a model recognises least; where unknown, the one most easily told apart.

    Parameters
    ----------
    rows : sequence of mapping
        Of one mood, at least one: ``agreement`` and ``auc``, either may be None.
    """
    return min(
        rows,
        key=lambda row: (
            row["agreement"] if known(row["agreement"]) else 2.0,
            -(row["auc"] if known(row["auc"]) else 0.0),
        ),
    )


def by_mood(rows: Sequence[Row], moods: Sequence[str]) -> dict[str, list[Row]]:
    """Sort rows into their moods, in the order of the vocabulary; others are left out."""
    own = {mood: [row for row in rows if row["mood"] == mood] for mood in moods}
    return {mood: found for mood, found in own.items() if found}


def renamed(row: Row) -> bool:
    """Whether its tracks, unseen, were called one other mood more often than their own."""
    called, own = row.get("called"), row["agreement"]
    return called is not None and known(own) and bool(called["share"] > own)


def agreement(name: str, rows: Sequence[Row], moods: Sequence[str], groups: str) -> str:
    """Draw each group of a mood: how easily it is told from the others, how often recognised.

    Parameters
    ----------
    name : str
        Unique on the page.
    rows : sequence of mapping
        ``mood``, ``group``, ``auc`` (0 to 1), ``agreement`` (0 to 1), either may be None; where
        known ``called`` (``mood``, ``share``) and ``verdict``.
    moods : sequence of str
        In the order of their colours.
    groups : str
        What the groups are, in the plural.

    Returns
    -------
    str
        Beyond `MOST_ROWS` groups, only the one that agrees least of each mood.
    """
    sorted_rows = by_mood(rows, moods)
    few = sum(map(len, sorted_rows.values())) <= MOST_ROWS
    drawn = sorted_rows if few else {m: [least_agreeing(own)] for m, own in sorted_rows.items()}
    marks: list[str] = []
    told: list[str] = []
    y = _TOP
    for mood, own in drawn.items():
        colour = mood_colour(moods.index(mood))
        if few:
            marks += [
                svg.dot(6, y + 12, fill=colour),
                svg.text(18, y + 16, svg.fit(mood, 190), font_weight=600),
            ]
            y += _HEAD
        for row in own:
            marks += _row(row, moods, y + _ROW / 2, colour)
            told.append(_words(row))
            y += _ROW
    bottom = y + 4
    parts = [
        svg.box(_APART(DIFFERENT), _TOP - 4, _APART(1) - _APART(DIFFERENT), bottom - _TOP + 4,
                fill="var(--surface)"),
        svg.x_axis(_APART, (0.5, 0.6, 0.7, 0.8, 0.9, 1), _TOP - 4, bottom, lambda v: f"{v:g}"),
        svg.x_axis(_KNOWN, (0, 0.25, 0.5, 0.75, 1), _TOP - 4, bottom, percent),
        *_legend(),
        *marks,
    ]  # fmt: skip
    title = f"How the {groups} of each mood agree" if few else (
        f"Of each mood, the one of its {groups} that agrees least"
    )  # fmt: skip
    size = (WIDE, bottom + 24)
    return svg.frame(name, size, parts, title=title, desc=f"{'; '.join(told)}.")


def _legend() -> list[str]:
    known_at, apart_at = _KNOWN.start, _APART.start
    return [
        svg.text(apart_at, 14, "Told from the others of its mood", font_weight=600),
        svg.dot(apart_at + 6, 32),
        svg.text(apart_at + 18, 36, "AUC; shaded: different things", fill=MUTED, font_size=SMALL),
        svg.text(known_at, 14, "Recognised while unseen", font_weight=600),
        svg.diamond(known_at + 6, 32, fill=INK),
        svg.text(known_at + 18, 36, "as its mood", fill=MUTED, font_size=SMALL),
        svg.diamond(known_at + 98, 32, 5, fill="none", stroke=INK, stroke_width=1.5),
        svg.text(known_at + 110, 36, "as another, where that is more", fill=MUTED,
                 font_size=SMALL),
    ]  # fmt: skip


def _row(row: Row, moods: Sequence[str], y: float, colour: str) -> list[str]:
    verdict = _VERDICTS.get(row.get("verdict") or "")
    weight = 600 if verdict else None
    parts = [
        svg.text(18, y + 4, svg.fit(row["group"], 186, 12), font_size=12, font_weight=weight),
        svg.text(684, y + 4, verdict, font_size=SMALL, font_weight=600) if verdict else "",
    ]
    if known(row["auc"]):
        tip = f"{row['group']}: told apart with AUC {three(row['auc'])}"
        parts.append(svg.dot(_APART(row["auc"]), y, tip=tip, fill=colour))
    if known(row["agreement"]):
        x = _KNOWN(row["agreement"])
        if renamed(row):
            called = row["called"]
            other, there = called["mood"], _KNOWN(called["share"])
            hue = mood_colour(moods.index(other)) if other in moods else INK
            parts.append(svg.line(x, y, there, y, stroke=hue, stroke_dasharray="1 3"))
            tip = f"{row['group']}: {percent(called['share'])} called {other}"
            parts.append(
                svg.diamond(there, y, 5, tip=tip, fill=svg.PAPER, stroke=hue, stroke_width=1.6)
            )
        tip = f"{row['group']}: {percent(row['agreement'])} recognised as {row['mood']}"
        parts.append(svg.diamond(x, y, tip=tip, fill=colour))
    return parts


def _words(row: Row) -> str:
    words = f"{row['group']} of {row['mood']}: AUC {three(row['auc'])}"
    words += f", {percent(row['agreement'])} recognised"
    called: Mapping[str, object] | None = row.get("called")
    if called and renamed(row):
        words += f", {percent(row['called']['share'])} called {called['mood']}"
    verdict = _VERDICTS.get(row.get("verdict") or "")
    return f"{words} ({verdict})" if verdict else words


def apart_in_words(rows: Sequence[Row], moods: Sequence[str], many: str) -> list[str]:
    """Say in a sentence each which groups do not agree with their mood; empty where all do.

    Parameters
    ----------
    rows : sequence of mapping
        As for `agreement`, with ``verdict``.
    moods : sequence of str
    many : str
        What the groups are, in the plural.
    """
    sentences = []
    for mood, own in by_mood(rows, moods).items():
        names = {
            verdict: [row["group"] for row in own if row.get("verdict") == verdict]
            for verdict in _VERDICTS
        }
        sentences += [f"{group} disagrees with its mood, {mood}." for group in names["disagrees"]]
        if names["apart"]:
            both = joined([row["group"] for row in own])
            sentences.append(f"{both}, both {mood}, are two different things.")
        differing = names["distinct"]
        if differing and len(differing) == len(own):
            every, none = ("both", "neither") if len(own) == 2 else ("all", "none")
            sentences.append(
                f"{joined(differing, most=4)} sound different, though {every} are {mood} and "
                f"{none} is clearly taken for another mood."
            )
        elif differing:
            verbs = ("stand", "are") if len(differing) > 1 else ("stands", "is")
            sentences.append(
                f"{joined(differing, most=4)} {verbs[0]} apart from the other {mood} {many}, but "
                f"{verbs[1]} not clearly taken for another mood."
            )
        strangest = _strangest(own, set(names["disagrees"]))
        if strangest and len(own) > 2:
            auc, one, other = strangest
            sentences.append(
                f"{one} and {other}, both {mood}, share almost nothing: of a track of each, a "
                f"simple model picks the right one in {auc:.1%} of cases."
            )
    return sentences


def _strangest(rows: Sequence[Row], but: set[str]) -> tuple[float, str, str] | None:
    """Find the two groups that are most easily told apart, where they share almost nothing."""
    pairs = [
        (float(pair["auc"]), *sorted((row["group"], pair["group"])))
        for row in rows
        for pair in row.get("pairs") or ()
        if pair["auc"] >= NOTHING_SHARED and not {row["group"], pair["group"]} & but
    ]
    return max(pairs, default=None)
