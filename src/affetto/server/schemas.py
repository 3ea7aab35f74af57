"""What is answered, as OpenAPI tells it, with examples."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from affetto.server.bodies import Share, State

_P: dict[str, JsonValue] = {
    "Energetic": 0.12,
    "Relaxing": 0.08,
    "Dark": 0.05,
    "Aggressive": 0.04,
    "Happy": 0.71,
}


class Shown(BaseModel):
    """A body that is answered."""

    model_config = ConfigDict(allow_inf_nan=False)


class ErrorWords(Shown):
    """What was found, and what to do."""

    message: str
    do: str | None = None


class ErrorAnswer(Shown):
    """Every error has this shape."""

    error: ErrorWords

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"error": {"message": "there is no track 7", "do": "search for it"}}]
        }
    )


class Health(Shown):
    """Whether it is well; without the token, where one is needed, only that."""

    status: Literal["ok"] = Field(examples=["ok"])
    version: str = Field(examples=["0.1.0"])
    token_needed: bool = Field(examples=[False])
    tracks: int | None = Field(examples=[1204])
    model: str | None = Field(examples=["default"])
    scanning: bool | None = Field(examples=[False])


class LabelResult(Shown):
    """One track's mood, or why it has none."""

    id: str | int | None
    mood: str | None
    confidence: Share | None
    second: str | None
    second_confidence: Share | None
    outlier: Share | None
    reason: str | None
    p: dict[str, Share]
    error: str | None


class LabelAnswer(Shown):
    """Results in the order of the tracks."""

    moods: list[str]
    results: list[LabelResult]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "moods": list(_P),
                    "results": [
                        {
                            "id": "a1",
                            "mood": "Happy",
                            "confidence": 0.71,
                            "second": "Energetic",
                            "second_confidence": 0.12,
                            "outlier": 0.31,
                            "reason": None,
                            "p": _P,
                            "error": None,
                        }
                    ],
                }
            ]
        }
    )


class Contribution(Shown):
    """What one feature did to the odds between the mood and the next one."""

    feature: str = Field(examples=["valence"])
    value: float = Field(examples=[0.88])
    reference: float = Field(examples=[0.47])
    contribution: float = Field(examples=[1.21], description="Log-odds; above 0 for the mood.")
    toward: str = Field(examples=["Happy"])
    odds: str = Field(examples=["×3.4"])
    level: str = Field(examples=["high"])


class Nearest(Shown):
    """The nearest change that would turn the mood."""

    values: dict[str, float] = Field(examples=[{"valence": 0.52}])
    mood: str = Field(examples=["Energetic"])


class Why(Shown):
    """Why a track got its mood."""

    mood: str = Field(examples=["Happy"])
    next_mood: str = Field(examples=["Energetic"])
    words: list[str] = Field(examples=[["Happy 71%, next Energetic 12%."]])
    contributions: list[Contribution]
    nearest: Nearest | None


class Analysis(Shown):
    """What an uploaded file is."""

    title: str | None
    artist: str | None
    features: dict[str, float | None]
    key: str | None = Field(examples=["A minor"])
    mood: str | None = Field(examples=["Happy"])
    confidence: Share | None
    second: str | None
    second_confidence: Share | None
    outlier: Share | None
    reason: str | None
    p: dict[str, Share]
    explanation: Why | None
    warning: str | None


class TrackSummary(Shown):
    """A track as lists show it."""

    id: int = Field(examples=[17])
    title: str | None = Field(examples=["Morning Light"])
    artist: str | None
    album: str | None
    name: str = Field(examples=["Morning Light"])
    file: str = Field(examples=["Album/01 Morning Light.mp3"])
    mood: str | None = Field(examples=["Relaxing"])
    own_mood: str | None
    model_mood: str | None = Field(examples=["Relaxing"])
    confidence: Share | None
    second: str | None
    second_confidence: Share | None
    outlier: Share | None
    reason: str | None
    tempo: float | None = Field(examples=[92.0])
    energy: Share | None
    valence: Share | None
    duration_ms: float | None
    key: str | None = Field(examples=["C major"])
    state: State
    error: str | None
    added_at: float


class TrackPage(Shown):
    """A part of the tracks that were asked for, and how many there are."""

    total: int
    offset: int
    tracks: list[TrackSummary]


class Typical(Shown):
    """Quartiles of the tracks of a mood that the model learned from."""

    low: float
    median: float
    high: float


class TrackDetail(TrackSummary):
    """A track with all that is known of it."""

    features: dict[str, float | None]
    p: dict[str, Share]
    typical: dict[str, Typical] | None
    explanation: Why | None
    warning: str | None
    analysis_version: int | None


class Window(Shown):
    """A moment of a track."""

    start_s: float = Field(examples=[7.5])
    stop_s: float = Field(examples=[22.5])
    p: dict[str, Share]
    energy: float | None
    valence: float | None


class Timeline(Shown):
    """Mood over time."""

    moods: list[str]
    windows: list[Window]


class Pending(Shown):
    """It is being made; ask again in a moment."""

    pending: Literal[True]


class Points(Shown):
    """Every track's place on the map, as columns; numbers from 0 to 1000."""

    moods: list[str] = Field(examples=[["Dark", "Happy"]])
    n: int = Field(examples=[2])
    ids: list[int] = Field(examples=[[17, 18]])
    valence: list[int | None] = Field(examples=[[812, 97]])
    energy: list[int | None] = Field(examples=[[640, 233]])
    mood: list[int] = Field(description="Index into moods; −1 for none.", examples=[[1, 0]])
    confidence: list[int | None] = Field(examples=[[713, 455]])


class Colour(Shown):
    """``#rrggbb`` for a light and for a dark background."""

    light: str = Field(examples=["#bd8d0c"])
    dark: str = Field(examples=["#fdf086"])


class MoodShown(Shown):
    """A mood of the library."""

    name: str = Field(examples=["Happy"])
    colour: Colour
    count: int
    own: int
    valence: float | None
    arousal: float | None
    meaning: str


class ModelShown(Shown):
    """The model in use."""

    name: str
    kind: str
    personal: bool
    unseen: dict[str, Any] | None


class Moods(Shown):
    """The moods there are, and the model that tells them."""

    moods: list[MoodShown]
    model: ModelShown


class FolderShown(Shown):
    """A folder of the library."""

    path: str
    tracks: int


class StatusAnswer(Shown):
    """The state of the library."""

    tracks: int = Field(examples=[1204])
    done: int
    failed: int
    waiting: int
    missing: int
    moods: dict[str, int]
    own_labels: int
    folders: list[FolderShown]
    old_analysis: int
    model: str
    scanning: bool
    scan: dict[str, Any] | None


class Failure(Shown):
    """A file that could not be heard, and why."""

    id: int = Field(examples=[12])
    file: str = Field(examples=["Demos/take 3.mp3"])
    error: str | None = Field(examples=["silent: nothing in it is louder than −70 LUFS"])


class Failures(Shown):
    """Files that could not be heard."""

    failures: list[Failure]


class ScanEvent(Shown):
    """A word of the scan; what it does not tell is left out."""

    stage: Literal["idle", "looking", "hearing", "done", "stopped", "busy", "failed"]
    seen: int | None = None
    new: int | None = None
    changed: int | None = None
    moved: int | None = None
    missing: int | None = None
    unchanged: int | None = None
    to_hear: int | None = None
    heard: int | None = None
    failed: int | None = None
    tracks_per_s: float | None = None
    seconds_left: float | None = None
    current: str | None = None
    error: str | None = None

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"examples": [{"stage": "hearing", "heard": 3}]}
    )


class PlaylistShown(Shown):
    """One mood's playlist."""

    mood: str = Field(examples=["Happy"])
    count: int = Field(examples=[214])
    minutes: float = Field(examples=[813.5])


class Playlists(Shown):
    """A playlist for each mood."""

    playlists: list[PlaylistShown]


class PlaylistPreview(Shown):
    """The tracks of a playlist, in order."""

    name: str
    total: int = Field(description="Of the playlist; a preview shows a thousand at most.")
    tracks: list[TrackSummary]
    minutes: float
    note: str | None = Field(description="What of the rules could not be met.")


class Teaching(Shown):
    """How far the personal model is."""

    labels: dict[str, int] = Field(examples=[{"Dark": 14, "Happy": 31}])
    needed: int = Field(description="Labels that each mood needs before it can be learned.")
    enough: bool
    why: str | None
    state: Literal["idle", "training", "ready", "failed"]
    progress: dict[str, Any] | None
    candidate: dict[str, Any] | None
    error: str | None
    history: list[dict[str, Any]]
