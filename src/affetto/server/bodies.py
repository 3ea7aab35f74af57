"""What is asked, as OpenAPI tells it: query parameters and bodies, with examples."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from affetto.features import BY_NAME, FEATURE_NAMES, Feature
from affetto.server.settings import LABEL_TRACKS

MAX_TEXT = 200
MAX_ID = 2**53 - 1
"""What a browser's numbers hold."""


def _whole(value: Any) -> Any:
    """Read 7.0 as 7: JSON knows one kind of number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
VISIBLE = r"^ *[\p{L}\p{M}\p{N}\p{P}\p{S}][\p{L}\p{M}\p{N}\p{P}\p{S} ]*$"
"""A name: something to be seen, and nothing but that and blanks. What `str.isprintable` takes."""

Share = Annotated[float, Field(ge=0, le=1)]
Text = Annotated[str, Field(max_length=MAX_TEXT)]
Id = Annotated[int, Field(ge=1, le=MAX_ID), WHOLE]

Tempo = Annotated[float, Field(ge=0, le=1000)]
State = Literal["waiting", "done", "failed", "missing"]
Sort = Literal[
    "title", "artist", "album", "mood", "confidence", "tempo", "energy", "valence", "added",
    "duration",
]  # fmt: skip
PAGE = 500
"""Tracks a page may hold."""


class Body(BaseModel):
    """A body that is read: unknown keys, text for numbers and infinities are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def _feature_schema(feature: Feature) -> dict[str, Any]:
    unit = f"{feature.unit}; " if feature.unit else ""
    return {
        "type": ["number", "null"],
        "description": f"{feature.meaning} ({unit}{feature.range_text})",
    }


LABEL_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["tracks"],
    "additionalProperties": False,
    "properties": {
        "tracks": {
            "type": "array",
            "maxItems": LABEL_TRACKS,
            "items": {
                "type": "object",
                "description": "The ten features; what else it holds is left alone.",
                "properties": {
                    "id": {
                        "type": ["string", "integer", "null"],
                        "maxLength": MAX_TEXT,
                        "minimum": -MAX_ID,
                        "maximum": MAX_ID,
                        "description": "Comes back with the result.",
                    },
                    **{name: _feature_schema(BY_NAME[name]) for name in FEATURE_NAMES},
                },
            },
        },
        "min_confidence": {
            "type": ["number", "null"],
            "minimum": 0,
            "maximum": 1,
            "description": "Below it a track gets no mood, and the reason “unsure”.",
        },
    },
    "examples": [
        {
            "tracks": [
                {
                    "id": "a1",
                    "energy": 0.82,
                    "liveness": 0.11,
                    "tempo": 128.0,
                    "speechiness": 0.05,
                    "acousticness": 0.02,
                    "instrumentalness": 0.0,
                    "danceability": 0.74,
                    "duration_ms": 215000,
                    "loudness": -5.1,
                    "valence": 0.88,
                }
            ],
            "min_confidence": 0.4,
        }
    ],
}
"""The body of /api/label: read by hand, since a model a row would take longer than labelling."""

UPLOAD_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "One audio file."}
    },
}


class Filter(BaseModel):
    """What lists and the map are filtered by, as query parameters."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    search: Text = Field("", description="Words of title, artist, album or file.")
    mood: list[Text] = Field([], max_length=50, description="Any of these; repeatable.")
    state: list[State] = Field([], max_length=4, description="Any of these. Default: done.")
    min_confidence: Share | None = None
    max_confidence: Share | None = None
    min_tempo: Tempo | None = None
    max_tempo: Tempo | None = None
    corrected: bool | None = Field(None, description="With a label of one's own, or without.")

    def chosen(self) -> dict[str, Any]:
        """Give what `affetto.library.queries.Query` calls these."""
        own = self.model_dump(include=_FILTERS)
        return {**own, "moods": tuple(self.mood), "states": tuple(self.state) or ("done",)}


_FILTERS = {
    "search", "min_confidence", "max_confidence", "min_tempo", "max_tempo", "corrected",
}  # fmt: skip


class ListQuery(Filter):
    """A part of the tracks, in some order."""

    sort: Sort = "title"
    descending: bool = False
    offset: int = Field(0, ge=0, le=10_000_000)
    limit: int = Field(100, ge=0, le=PAGE)


class Correction(Body):
    """A mood of one's own for a track; null takes it back."""

    mood: Annotated[str, Field(max_length=64, pattern=VISIBLE)] | None = Field(examples=["Dark"])


class ScanBody(Body):
    """How to scan."""

    retry_failed: bool = False
    reanalyse: bool = False


class _Chosen(Body):
    """What every kind of playlist takes."""

    min_confidence: Share | None = None
    min_tempo: Tempo | None = None
    max_tempo: Tempo | None = None
    per_artist: Annotated[int, Field(ge=1, le=1000), WHOLE] | None = None
    seed: Annotated[int, Field(ge=0, le=2**32 - 1), WHOLE] = 0


Count = Annotated[int, Field(ge=1, le=1000), WHOLE]
Minutes = Annotated[float, Field(gt=0, le=6000)]
MoodName = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]


class MoodBody(_Chosen):
    """Tracks of one mood, the surest where there are too many."""

    kind: Literal["mood"]
    mood: MoodName = Field(examples=["Happy"])
    n: Count | None = None
    minutes: Minutes | None = Field(None, description="In place of n.")


class MixBody(_Chosen):
    """Tracks drawn by rule."""

    kind: Literal["mix"]
    moods: Annotated[list[MoodName], Field(max_length=50)] = Field([], examples=[["Happy"]])
    n: Count | None = Field(None, description="Default: 30.")
    minutes: Minutes | None = Field(None, description="In place of n.")


class JourneyBody(_Chosen):
    """Tracks that lead from one mood to another."""

    kind: Literal["journey"]
    from_: MoodName = Field(alias="from", examples=["Dark"])
    through: MoodName | None = None
    to: MoodName = Field(examples=["Happy"])
    n: Annotated[int, Field(ge=3, le=500), WHOLE] | None = Field(None, description="Default: 25.")
    minutes: Minutes | None = Field(None, description="In place of n.")


class TracksBody(Body):
    """Tracks by id, in this order."""

    kind: Literal["tracks"]
    ids: Annotated[list[Id], Field(max_length=20_000)] = Field(examples=[[1, 2]])


class _AsFile(Body):
    """How a playlist becomes a file."""

    format: Literal["m3u8", "xspf", "nsp"] = "m3u8"
    paths: Literal["absolute", "relative"] = "absolute"
    name: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)] | None = None


class MoodFileBody(MoodBody, _AsFile):
    """Tracks of one mood, as a file."""


class MixFileBody(MixBody, _AsFile):
    """Tracks drawn by rule, as a file."""


class JourneyFileBody(JourneyBody, _AsFile):
    """Tracks that lead from one mood to another, as a file."""


class TracksFileBody(TracksBody, _AsFile):
    """Tracks by id, as a file."""


PlaylistBody = Annotated[MoodBody | MixBody | JourneyBody | TracksBody, Field(discriminator="kind")]
PlaylistFileBody = Annotated[
    MoodFileBody | MixFileBody | JourneyFileBody | TracksFileBody, Field(discriminator="kind")
]
