"""The songbook: twenty scores, four for each mood."""

from affetto.demo.score import Score
from affetto.demo.songs import aggressive, dark, energetic, happy, relaxing

SCORES: tuple[Score, ...] = (
    *energetic.SCORES,
    *relaxing.SCORES,
    *dark.SCORES,
    *aggressive.SCORES,
    *happy.SCORES,
)
"""All scores, in the order of the moods."""

BY_STYLE = {score.style: score for score in SCORES}
