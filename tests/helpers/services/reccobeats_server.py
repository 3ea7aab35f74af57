"""ReccoBeats as its documentation and its users describe it: features by id, or of a sent file."""

import hashlib
import math
import random
import time
import uuid
from collections import deque
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from functools import cache

from services.base import Answer, Service

NINE = [
    *("acousticness", "danceability", "energy", "instrumentalness", "liveness", "loudness"),
    *("speechiness", "tempo", "valence"),
]
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
MOST_IDS = 40
LARGEST_UPLOAD = 5_000_000
STARTS = (b"RIFF", b"OggS", b"FORM", b"ID3", b"\xff\xfb", b"\xff\xf3")


@cache
def spotify_id(i):
    """Give the Spotify id of made-up track i: 22 characters, a digit among them."""
    number = int.from_bytes(hashlib.sha256(f"track {i}".encode()).digest()[:16], "big")
    letters = ""
    while number:
        number, place = divmod(number, 62)
        letters += LETTERS[place]
    return f"{letters[:21]:0<21}{i % 10}"


def isrc(i):
    return f"QZAFF{i:07d}"


def duration_ms(i):
    return 180_000 + i


def _share(*words):
    """Give a number from 0 to 1 that depends on nothing but the words."""
    digest = hashlib.sha256("|".join(map(str, words)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


@cache
def features(i):
    """Give the nine of made-up track i."""
    values = {name: round(_share(name, i), 4) for name in NINE}
    return {
        **values,
        "loudness": -30 + 28 * values["loudness"],
        "tempo": 60 + 120 * values["tempo"],
    }


@dataclass
class Known:
    """One recording of the catalogue."""

    i: int
    spotify_id: str
    isrc: str | None
    by_id: bool = True  # whether it is found by its Spotify id

    @property
    def uuid(self):
        return str(uuid.UUID(int=self.i + 2**64))

    def head(self):
        href = f"https://open.spotify.com/track/{self.spotify_id}"
        return {"id": self.uuid, "href": href, "isrc": self.isrc}

    def features(self):
        return {**self.head(), **features(self.i), "key": self.i % 12, "mode": self.i % 2}

    def track(self):
        return {
            **self.head(),
            "trackTitle": f"Track {self.i}",
            "artists": [{"id": self.uuid, "name": f"Artist {self.i % 7}"}],
            "durationMs": duration_ms(self.i),
            "popularity": self.i % 100,
        }


class ReccoBeatsServer(Service):
    """A catalogue of made-up tracks 0 … n - 1, of which a share is unknown.

    Attributes
    ----------
    overrides : dict of str to dict
        By Spotify id: what its features say otherwise.
    with_href : bool
        Whether answers name the Spotify id.
    most, window_s : int or None, float
        Requests allowed in any `window_s` seconds; beyond them 429 with the wait that is left.
    delay_s : float
        Of each answer.
    """

    def __init__(self, n=0, *, unknown=0.15):
        super().__init__()
        self.unknown = unknown
        self.known = {}
        self.overrides = {}
        self.with_href = True
        self.most, self.window_s = None, 30.0
        self.delay_s = 0.0
        self.n_refused = 0
        self._recent = deque()
        for i in range(n):
            self.add(i)

    def add(self, i, *, spotify=None, isrc_of=isrc, by_id=True):
        """Add made-up track i, perhaps under another service's id, unless it falls to the share."""
        track = Known(i, spotify or spotify_id(i), isrc_of(i), by_id)
        if self.is_unknown(i):
            return
        if by_id:
            self.known[track.spotify_id] = track
        self.known[track.uuid] = track
        if track.isrc:
            self.known[track.isrc] = track

    def is_unknown(self, i):
        return _share("unknown", i) < self.unknown

    def asked(self, path="/v1/audio-features"):
        """Give all ids that were asked for, request by request."""
        return [seen.first("ids", "").split(",") for seen in self.seen if seen.path == path]

    def answer(self, seen):
        if self.delay_s:
            time.sleep(self.delay_s)
        wait_s = self._wait_s()
        if wait_s:
            body = {"timestamp": "2026-01-01T00:00:00Z", "error": "Too many requests"}
            return Answer(body, 429, {"Retry-After": str(wait_s)})
        match seen.method, seen.path:
            case "GET", "/v1/audio-features":
                return self._content(seen, Known.features)
            case "GET", "/v1/track":
                return self._content(seen, Known.track)
            case "POST", "/v1/analysis/audio-features":
                return self._analysis(seen)
        return _refused(404, 4041, "not found")

    def _wait_s(self):
        if self.most is None:
            return 0
        now = time.monotonic()
        with self.lock:
            while self._recent and now - self._recent[0] >= self.window_s:
                self._recent.popleft()
            if len(self._recent) < self.most:
                self._recent.append(now)
                return 0
            self.n_refused += 1
            return max(1, math.ceil(self.window_s - (now - self._recent[0])))

    def _content(self, seen, tell):
        ids = [one for one in seen.first("ids", "").split(",") if one]
        if not 1 <= len(ids) <= MOST_IDS:
            return _refused(400, 4004, f"size must be between 1 and {MOST_IDS}")
        found = {track.i: track for one in ids if (track := self.known.get(one))}
        content = [{**tell(one), **self._other(one, tell)} for one in found.values()]
        random.Random(ids[0]).shuffle(content)
        if not self.with_href:
            for one in content:
                del one["href"]
        return Answer({"content": content})

    def _other(self, track, tell):
        return self.overrides.get(track.spotify_id, {}) if tell is Known.features else {}

    def _analysis(self, seen):
        head = f"Content-Type: {seen.headers.get('content-type', '')}\r\n\r\n".encode()
        message: EmailMessage = BytesParser(policy=HTTP).parsebytes(head + seen.body)
        for part in message.iter_parts() if message.is_multipart() else ():
            if part.get_param("name", header="content-disposition") == "audioFile":
                audio = part.get_payload(decode=True)
                if len(audio) > LARGEST_UPLOAD:
                    return _refused(400, 4005, "the file is larger than 5 MB")
                if not audio.startswith(STARTS):
                    return _refused(400, 4006, "the file is no audio")
                return Answer(features(hashlib.sha256(audio).hexdigest()))
        return _refused(400, 4001, "audioFile is missing")


def _refused(status, code, message):
    body = {"timestamp": "2026-01-01T00:00:00Z", "status": code, "errors": [{"message": message}]}
    return Answer(body, status)
