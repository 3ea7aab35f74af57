"""Playlists on this machine as cases of the contract: a table, a playlist file, a folder."""

import csv
import wave

from affetto.sources.local import LocalSource
from services.case import Case


def write_wav(path, n=80):
    """Write a hundredth of a second of silence."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * n))
    return path


class LocalCase(Case):
    """Files: no service, nothing kept."""

    name = "files"

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def open(self, cache):
        return LocalSource()

    def unknown(self):
        return str(self.folder / "Quiet hour")


class ExportifyCase(LocalCase):
    """A CSV as exportify.app writes it."""

    HEAD = (
        *("Track URI", "Track Name", "Artist URI(s)", "Artist Name(s)", "Album Name"),
        *("Track Duration (ms)", "ISRC", "Added At", "Danceability", "Energy", "Loudness", "Tempo"),
    )

    def row(self, place):
        return (
            *(f"spotify:track:{place:022d}", f"Track {place}", "spotify:artist:0"),
            *(f"Artist {place % 7}", "Album", 180_000 + place, f"USQX9{place:07d}", "2024-01-01"),
            *(0.5, 0.6, -7.5, 120.0 + place % 50),
        )

    def add_playlist(self, name, n, *, first=0):
        path = self.folder / f"{name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            writer.writerow(self.HEAD)
            writer.writerows(self.row(place) for place in range(first, first + n))
        return str(path)

    def unknown(self):
        return str(self.folder / "Quiet hour.csv")


class PlaylistFileCase(LocalCase):
    """An M3U8 beside a folder with its files; what a playlist file tells of lengths is ignored."""

    def add_playlist(self, name, n, *, first=0):
        lines = ["#EXTM3U"]
        for place in range(first, first + n):
            write_wav(self.folder / "audio" / f"{place}.wav")
            lines += [f"#EXTINF:180,Artist {place % 7} - Track {place}", f"audio/{place}.wav"]
        path = self.folder / f"{name}.m3u8"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(path)

    def unknown(self):
        return str(self.folder / "Quiet hour.m3u8")


class FolderCase(LocalCase):
    """A folder of audio; titles are not known before it is heard."""

    def add_playlist(self, name, n, *, first=0):
        folder = self.folder / name
        folder.mkdir()
        for place in range(first, first + n):
            write_wav(folder / f"Track {place}.wav")
        return str(folder)
