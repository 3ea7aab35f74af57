"""Tags: moods where players look for them, all else as it was, and back again."""

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import av
import mutagen
import numpy as np
import pytest
import soundfile
from mutagen import apev2, flac, id3, mp4
from mutagen.ogg import OggPage

from affetto.errors import OutputError, TagError, TrackNotFoundError, UsageError
from affetto.library import tag_copies, tag_formats, tags
from affetto.library.audio_hash import audio_hash
from affetto.library.entry import Entry
from affetto.library.tag_copies import remove_stale
from affetto.library.tag_fields import FIELDS
from affetto.library.tag_formats import read_tags
from affetto.library.tag_journal import Journal
from affetto.library.tags import (
    TagSettings,
    key_code,
    plan,
    tag_library,
    undo,
    undo_last,
    wanted_values,
    write_change,
)

RATE = 48_000
PICTURE = bytes(range(256)) * 40
ALL = TagSettings(n_moods=2, bpm=True, key=True, details=True)


def entry_of(path, mood="Happy", **more):
    told = {
        "model_mood": mood,
        "confidence": 0.62,
        "p": {"Happy": 0.62, "Energetic": 0.3, "Dark": 0.08},
        "features": {"tempo": 119.6},
        "key": "A♭ minor",
    } | more
    return Entry(7, str(path), mood=mood, **told)


def tone():
    times = np.arange(RATE) / RATE
    return (0.3 * np.sin(2 * np.pi * 440 * times)[:, None] * [1, 0.5]).astype(np.float32)


def write_av(path, codec, **options):
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=RATE, layout="stereo")
        samples = np.ascontiguousarray(tone().T)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = RATE, 0
        size = stream.frame_size or 1024
        to = av.AudioResampler(stream.format, "stereo", RATE, frame_size=size)
        for piece in to.resample(frame) + to.resample(None):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


def id3_frames(version):
    frames = [
        id3.TIT2(encoding=1, text=["Jóga 😀"]),
        id3.TPE1(encoding=0, text=["Someone"]),
        id3.TYER(encoding=0, text=["1997"])
        if version == 3
        else id3.TDRC(encoding=3, text=["1997"]),
        id3.TCON(encoding=0, text=["(17)Rock/Pop"]),
        id3.TXXX(encoding=1, desc="REPLAYGAIN_TRACK_GAIN", text=["-6 dB"]),
        id3.COMM(encoding=1, lang="eng", desc="", text=["mood: none"]),
        id3.APIC(encoding=0, mime="image/png", type=3, desc="", data=PICTURE),
        id3.PRIV(owner="x", data=b"\0\1\2"),
        id3.POPM(email="a@b", rating=196, count=3),
    ]
    made = id3.ID3()
    for frame in frames:
        made.add(frame)
    return made


def with_id3(version, padding=None):
    def add(path):
        pad = None if padding is None else (lambda info: padding)
        id3_frames(version).save(path, v1=2, v2_version=version, v23_sep=None, padding=pad)

    return add


def with_ape_tail(path):
    ape = apev2.APEv2()
    ape["REPLAYGAIN_TRACK_GAIN"] = "-6 dB"
    ape.save(path)
    with_id3(3)(path)


def with_id3v1(path):
    path.write_bytes(path.read_bytes() + id3.MakeID3v1(id3_frames(3)))


def with_ape_only(path):
    ape = apev2.APEv2()
    ape["Title"], ape["Cover Art (Front)"] = "Jóga", apev2.APEValue(PICTURE, apev2.BINARY)
    ape.save(path)


def with_id3_before(path):
    with_comments(path)
    tag = path.with_suffix(".id3")
    id3_frames(3).save(tag, v2_version=3)
    path.write_bytes(tag.read_bytes() + path.read_bytes())


def with_comments(path):
    file = mutagen.File(path)
    pairs = [("TITLE", "Jóga 😀"), ("artist", "One"), ("ARTIST", "Two"), ("rating", "5")]
    file.tags[:] = pairs
    if isinstance(file, flac.FLAC):
        picture = flac.Picture()
        picture.data, picture.mime = PICTURE, "image/png"
        file.add_picture(picture)
    file.save()


def with_atoms(path):
    file = mp4.MP4(path)
    file["©nam"], file["trkn"], file["cpil"] = "Jóga 😀", [(3, 9)], True
    file["covr"] = [mp4.MP4Cover(PICTURE, mp4.MP4Cover.FORMAT_PNG)]
    file["----:com.apple.iTunes:MusicBrainz Track Id"] = b"abc"
    file.save()


def untouched(path):
    pass


KINDS = {
    "mp3 bare": ("mp3", untouched),
    "mp3 2.3": ("mp3", with_id3(3)),
    "mp3 2.4": ("mp3", with_id3(4)),
    "mp3 2.4 without room": ("mp3", with_id3(4, 0)),
    "mp3 1": ("mp3", with_id3v1),
    "mp3 ape tail": ("mp3", with_ape_tail),
    "mp3 ape only": ("mp3", with_ape_only),
    "flac": ("flac", with_comments),
    "flac behind id3": ("flac", with_id3_before),
    "ogg": ("ogg", with_comments),
    "opus": ("opus", with_comments),
    "m4a": ("m4a", with_atoms),
    "m4a bare": ("m4a", untouched),
    "m4a moov first": ("m4a", with_atoms),
    "wav": ("wav", untouched),
    "wav 2.3": ("wav", lambda path: mutagen_chunk(path, 3)),
    "aiff": ("aiff", lambda path: mutagen_chunk(path, 4)),
}


def mutagen_chunk(path, version):
    file = mutagen.File(path)
    file.add_tags()
    for frame in id3_frames(version).values():
        file.tags.add(frame)
    file.tags.save(path, v2_version=version, v23_sep=None)


@pytest.fixture(scope="session")
def originals(tmp_path_factory):
    """The same second of music in each format, with all kinds of tags."""
    folder = tmp_path_factory.mktemp("tagged")
    for ending in ("mp3", "flac", "ogg", "wav", "aiff"):
        soundfile.write(folder / f"plain.{ending}", tone(), RATE)
    write_av(folder / "plain.opus", "libopus")
    write_av(folder / "plain.m4a", "aac")
    write_av(folder / "fast.m4a", "aac", movflags="faststart")
    for name, (ending, add) in KINDS.items():
        path = folder / f"{name}.{ending}"
        start = "fast" if "moov first" in name else "plain"
        shutil.copyfile(folder / f"{start}.{ending}", path)
        add(path)
    return {name: folder / f"{name}.{ending}" for name, (ending, _) in KINDS.items()}


@pytest.fixture
def copy_of(originals, tmp_path):
    (tmp_path / "Music").mkdir()

    def copy(name):
        return Path(shutil.copyfile(originals[name], tmp_path / "Music" / originals[name].name))

    return copy


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "library.db")


def tagged(path, journal, settings=ALL, **more):
    change = plan(entry_of(path, **more), settings)
    assert change.state == "change", change.why
    done = write_change(change, journal, settings)
    assert done.state == "written", done.why
    return done


def decoded(path):
    with av.open(str(path), metadata_errors="replace") as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.concatenate(frames, axis=-1)


def seen_by_ffmpeg(path):
    with av.open(str(path), metadata_errors="replace") as container:
        told = {**container.metadata, **container.streams.audio[0].metadata}
    return {name.upper(): text for name, text in told.items()}


def left_in(path):
    return [entry.name for entry in path.parent.iterdir() if entry.name.startswith(".")]


each_kind = pytest.mark.parametrize("name", KINDS)


@each_kind
def test_the_mood_is_written_and_all_else_stays(copy_of, journal, name):
    path = copy_of(name)
    samples, audio, before = decoded(path), audio_hash(path), read_tags(path)
    tagged(path, journal)
    after = read_tags(path)
    assert {field: after.values(field) for field in FIELDS} == {
        "mood": ("Happy", "Energetic"),
        "bpm": ("120",),
        "key": ("Abm",),
        "confidence": ("0.62",),
        "version": (tags.affetto.__version__,),
    }
    assert after.others(FIELDS) == before.others(FIELDS)
    assert audio_hash(path) == audio
    np.testing.assert_array_equal(decoded(path), samples)
    assert left_in(path) == []


@each_kind
def test_undo_gives_back_what_was_there(copy_of, journal, name):
    path = copy_of(name)
    whole, before = path.read_bytes(), read_tags(path)
    tagged(path, journal)
    assert path.read_bytes() != whole
    (written,) = journal.last_run()
    assert undo(written, journal).state == "undone"
    after = read_tags(path)
    assert [after.raw(field) for field in FIELDS] == [before.raw(field) for field in FIELDS]
    assert after.others(FIELDS) == before.others(FIELDS)
    assert seen_by_ffmpeg(path) == seen_by_ffmpeg_of(whole, path)
    assert journal.last_run() == []


def seen_by_ffmpeg_of(whole, path):
    beside = path.with_name(f"before{path.suffix}")
    beside.write_bytes(whole)
    return seen_by_ffmpeg(beside)


@pytest.mark.parametrize("name", ["mp3 bare", "mp3 1", "mp3 ape only"])
def test_undo_leaves_no_tag_where_none_was(copy_of, journal, name):
    path = copy_of(name)
    whole = path.read_bytes()
    tagged(path, journal)
    undo(journal.last_run()[0], journal)
    if name == "mp3 ape only":
        assert apev2.APEv2(path).keys() == ["Title", "Cover Art (Front)"]
    else:
        assert path.read_bytes() == whole


# FFmpeg shows several values of one tag as one text, or the first.
BOTH = ("Happy;Energetic", "Happy")


@pytest.mark.parametrize(
    ("name", "key", "seen"),
    [
        ("mp3 2.4", "TMOO", BOTH),
        ("mp3 bare", "TMOO", BOTH),
        ("mp3 2.3", "MOOD", BOTH),
        ("flac", "MOOD", BOTH),
        ("ogg", "MOOD", BOTH),
        ("opus", "MOOD", BOTH),
        ("m4a", "MOOD", BOTH),
        ("aiff", "TMOO", BOTH),
        ("wav 2.3", "MOOD", BOTH),
    ],
)
def test_another_reader_sees_the_mood(copy_of, journal, name, key, seen):
    path = copy_of(name)
    title = seen_by_ffmpeg(path).get("TITLE")
    tagged(path, journal)
    told = seen_by_ffmpeg(path)
    assert told[key] in seen
    assert told.get("TITLE") == title


def test_several_moods_are_several_values(copy_of, journal):
    path = copy_of("flac")
    tagged(path, journal)
    assert flac.FLAC(path)["MOOD"] == ["Happy", "Energetic"]
    path = copy_of("mp3 2.4")
    tagged(path, journal)
    assert id3.ID3(path)["TMOO"].text == ["Happy", "Energetic"]
    path = copy_of("mp3 2.3")
    tagged(path, journal)
    assert id3.ID3(path, translate=False)["TXXX:MOOD"].text == ["Happy", "Energetic"]
    path = copy_of("m4a")
    tagged(path, journal)
    assert mp4.MP4(path)["----:com.apple.iTunes:MOOD"] == [b"Happy", b"Energetic"]
    assert mp4.MP4(path)["tmpo"] == [120]


@pytest.mark.parametrize(("name", "version"), [("mp3 2.3", 3), ("mp3 2.4", 4), ("mp3 bare", 4)])
def test_the_version_of_id3_stays(copy_of, journal, name, version):
    path = copy_of(name)
    tagged(path, journal, mood="Fröhlich", p={})
    assert path.read_bytes()[:4] == b"ID3" + bytes([version])
    frames = id3.ID3(path, translate=False)
    mood = frames["TMOO" if version == 4 else "TXXX:MOOD"]
    assert mood.text == ["Fröhlich"]
    assert mood.encoding == (id3.Encoding.UTF8 if version == 4 else id3.Encoding.UTF16)
    assert ("TYER" in frames) == (version == 3)


def test_behind_the_id3v2_tag_every_byte_stays(copy_of, journal):
    for name in ("mp3 ape tail", "mp3 2.4 without room", "mp3 2.3"):
        path = copy_of(name)
        end = id3.ID3(path).size
        behind = path.read_bytes()[end:]
        tagged(path, journal)
        assert path.read_bytes()[id3.ID3(path).size :] == behind
        assert behind[-128:-125] == b"TAG"


def test_a_tag_with_room_keeps_its_size(copy_of, journal):
    path = copy_of("mp3 2.4")
    size = path.stat().st_size
    tagged(path, journal)
    assert path.stat().st_size == size


def test_fields_of_id3v1_come_along_into_a_first_id3v2(copy_of, journal):
    path = copy_of("mp3 1")
    tagged(path, journal)
    assert id3.ID3(path, load_v1=False)["TPE1"].text == ["Someone"]


def test_the_place_and_spelling_of_a_comment_come_back(copy_of, journal):
    path = copy_of("flac")
    file = flac.FLAC(path)
    file.tags.insert(1, ("Mood", "Chill"))
    file.tags.insert(3, ("mood", "Calm"))
    file.save()
    pairs = list(list.__iter__(file.tags))
    tagged(path, journal, replace(ALL, existing="replace"))
    assert flac.FLAC(path)["mood"] == ["Happy", "Energetic"]
    undo(journal.last_run()[0], journal)
    assert list(list.__iter__(flac.FLAC(path).tags)) == pairs


def test_what_others_wrote_is_kept_unless_it_shall_be_replaced(copy_of, journal):
    path = copy_of("mp3 2.4")
    frames = id3.ID3(path)
    frames.add(id3.TXXX(encoding=3, desc="mood", text=["Chill"]))
    frames.save(path, v1=1)
    kept = plan(entry_of(path), ALL)
    assert kept.state == "change" and set(kept.then) == {
        "bpm",
        "key",
    }  # details would speak of another mood
    assert plan(entry_of(path), TagSettings()).state == "kept"
    assert plan(entry_of(path), TagSettings(existing="keep")).state == "kept"
    tagged(path, journal, TagSettings(existing="replace"))
    frames = id3.ID3(path)
    assert frames["TMOO"].text == ["Happy"] and "TXXX:mood" not in frames
    undo(journal.last_run()[0], journal)
    frames = id3.ID3(path)
    assert frames["TXXX:mood"].text == ["Chill"] and "TMOO" not in frames


def test_what_affetto_wrote_is_renewed(copy_of, journal):
    path = copy_of("ogg")
    tagged(path, journal, TagSettings())
    assert plan(entry_of(path), TagSettings()).state == "right"
    dark = entry_of(path, "Dark")
    assert plan(dark, TagSettings()).state == "kept"
    own = journal.own_values()[audio_hash(path)]
    assert plan(dark, TagSettings(existing="keep"), own).state == "kept"
    change = plan(dark, TagSettings(), own)
    assert (change.now["mood"], change.then["mood"]) == (("Happy",), ("Dark",))
    again = Journal(journal.path.with_name("library.db"))
    write_change(change, again, TagSettings())
    (last,) = again.last_run()
    undo(last, again)
    assert read_tags(path).values("mood") == ("Happy",)
    undo(again.last_run()[0], again)
    assert read_tags(path).values("mood") == () and again.own_values() == {}


def test_undo_spares_what_was_changed_since(copy_of, journal):
    path = copy_of("flac")
    tagged(path, journal, TagSettings(bpm=True))
    file = flac.FLAC(path)
    file["MOOD"] = "Mine"
    file.save()
    done = undo(journal.last_run()[0], journal)
    assert done.state == "failed" and done.why.startswith("mood: changed since affetto wrote it")
    file = flac.FLAC(path)
    assert file["MOOD"] == ["Mine"] and "BPM" not in file
    assert journal.last_run() == []


def test_undo_finds_a_file_that_was_moved(copy_of, journal):
    path = copy_of("flac")
    tagged(path, journal)
    moved = path.rename(path.with_name("moved.flac"))
    (written,) = journal.last_run()
    assert undo(written, journal, entry_of(moved)).state == "undone"
    assert read_tags(moved).values("mood") == ()


def test_undo_of_a_file_that_is_gone(copy_of, journal):
    path = copy_of("flac")
    tagged(path, journal)
    path.unlink()
    (written,) = journal.last_run()
    assert undo(written, journal).why == "is not there any more; run affetto library update"
    assert journal.last_run() == []


def test_undo_waits_for_a_drive_that_is_not_there(copy_of, journal):
    path = copy_of("flac")
    tagged(path, journal)
    path.parent.rename(path.parent.with_name("Elsewhere"))
    (written,) = journal.last_run()
    assert undo(written, journal).state == "failed"
    assert journal.last_run() == [written]


def test_undo_of_a_file_with_other_audio_does_not_come_up_again(copy_of, journal):
    path = copy_of("flac")
    tagged(path, journal)
    soundfile.write(path, tone() / 2, RATE)
    whole = path.read_bytes()
    (written,) = journal.last_run()
    assert undo(written, journal).why.startswith("its audio is not what affetto wrote to")
    assert journal.last_run() == [] and path.read_bytes() == whole


class OneTrack:
    """In place of a catalogue: it knows these tracks, and where they are."""

    def __init__(self, *entries):
        self.entries, self.changed = {entry.id: entry for entry in entries}, []

    def track(self, track_id):
        return self.entries.get(track_id)

    def track_at(self, path):
        return next((e for e in self.entries.values() if e.path == path), None)

    def every(self, query):
        return iter(self.entries.values())

    def touched(self, track_id):
        if not Path(self.entries[track_id].path).exists():
            raise TrackNotFoundError("is gone")
        self.changed.append(track_id)


def test_undo_goes_on_where_nothing_of_the_last_run_can_be_put_back(copy_of, journal):
    first, second = copy_of("flac"), copy_of("mp3 2.4")
    tagged(first, journal)
    again = Journal(journal.path.with_name("library.db"))
    entry = replace(entry_of(second), id=8)
    write_change(plan(entry, ALL), again, ALL)
    second.chmod(0o444)
    catalogue = OneTrack(entry_of(first), entry)
    done = list(undo_last(catalogue, again))
    assert [(change.entry.id, change.state) for change in done] == [(8, "failed"), (7, "undone")]
    assert catalogue.changed == [7] and read_tags(first).values("mood") == ()
    second.chmod(0o644)
    assert [change.state for change in undo_last(catalogue, again)] == ["undone"]
    assert read_tags(second).values("mood") == () and again.runs() == []


def test_undo_of_a_file_that_the_catalogue_has_elsewhere(copy_of, journal):
    path = copy_of("flac")
    tagged(path, journal)
    elsewhere = entry_of(path.with_name("gone.flac"), audio_hash=audio_hash(path))
    assert [change.state for change in undo_last(OneTrack(elsewhere), journal)] == ["undone"]
    assert read_tags(path).values("mood") == ()


def test_a_new_database_takes_no_other_track_for_the_one_written(copy_of, journal):
    path, other = copy_of("flac"), copy_of("ogg")
    tagged(path, journal, TagSettings())
    file = mutagen.File(other)
    file["MOOD"] = "Happy"
    file.save()
    # Both have the number 7: the one that affetto wrote to, and another in a new database.
    anew = entry_of(other, "Dark", audio_hash=audio_hash(other))
    (change,) = tag_library(OneTrack(anew), None, journal, TagSettings())
    assert change.state == "kept"
    renewed = replace(entry_of(path, "Dark", audio_hash=audio_hash(path)), id=1)
    (change,) = tag_library(OneTrack(renewed), None, journal, TagSettings())
    assert (change.now["mood"], change.then["mood"]) == (("Happy",), ("Dark",))


def frame_of(name, content, version=4):
    size = len(content)
    size = bytes(size >> s & 0x7F for s in (21, 14, 7, 0)) if version == 4 else size.to_bytes(4)
    return name + size + bytes(2) + content


def put_id3(path, version, frames, flags=0):
    size = bytes(len(frames) >> shift & 0x7F for shift in (21, 14, 7, 0))
    whole = path.read_bytes()
    path.write_bytes(b"ID3" + bytes([version, 0, flags]) + size + frames + whole)


ARTIST = frame_of(b"TPE1", b"\0Someone")
LATIN = frame_of(b"TIT2", b"\x03J\xf3ga")


@pytest.mark.parametrize(
    ("version", "frames", "flags", "why"),
    [
        (4, LATIN + ARTIST, 0, "its frame TIT2 cannot be read"),
        (4, ARTIST + LATIN + bytes(50), 0, "its frame TIT2 cannot be read"),
        (3, LATIN + ARTIST, 0, "its frame TIT2 cannot be read"),
        (4, b"\0\0\0\x06\x01\0" + LATIN, 0x40, "its frame TIT2 cannot be read"),
        (4, frame_of(b"TIT2", b"\0Ok") + LATIN, 0, "its frame TIT2 cannot be read"),
        (4, ARTIST + b"\xe9" * 40, 0, "cannot be read behind its frame TPE1"),
        (4, ARTIST[:-1], 0, "cannot be read behind its frame TPE1"),
        (4, frame_of(b"POPM", b"a\0\1\1") + frame_of(b"POPM", b"a\0\2\2"), 0, "frame POPM"),
    ],
)
def test_id3_frames_that_would_be_lost_are_not(copy_of, version, frames, flags, why):
    path = copy_of("mp3 bare")
    put_id3(path, version, frames, flags)
    change = plan(entry_of(path), ALL)
    assert change.state == "failed" and why in change.why
    assert change.why.endswith("nothing was changed")


@pytest.mark.parametrize(
    ("version", "frames", "flags"),
    [
        (4, ARTIST + frame_of(b"XABC", b"\1\2\3"), 0),
        (4, ARTIST + b"TCOM" + bytes(6) + bytes(50), 0),
        (4, frame_of(b"TPE1", b"\0One") + frame_of(b"TPE1", b"\0Two"), 0),
        (4, frame_of(b"TIT2", b"\0" + b"a" * 200, 3) + ARTIST, 0),
        (4, frame_of(b"TIT2", b"\1\xff\0\xfeJ\0") + ARTIST, 0x80),
        (3, frame_of(b"TIT2", b"\1\xff\xfeJ\0", 3).replace(b"\xff", b"\xff\0") + ARTIST, 0x80),
        (3, b"\0\0\0\x06" + bytes(6) + ARTIST, 0x40),
    ],
)
def test_id3_tags_that_are_right_are_written(copy_of, journal, version, frames, flags):
    path = copy_of("mp3 bare")
    put_id3(path, version, frames, flags)
    before = read_tags(path).others(FIELDS)
    tagged(path, journal)
    assert read_tags(path).others(FIELDS) == before


def test_a_frame_in_a_chunk_that_would_be_lost_is_not(copy_of):
    path = copy_of("aiff")
    title = "Jóga 😀".encode("utf-16")
    whole = path.read_bytes()
    assert whole.count(title) == 1
    path.write_bytes(whole.replace(title, title[:-2] + b"\0\xd8"))
    assert "its frame TIT2 cannot be read" in plan(entry_of(path), ALL).why


@pytest.mark.parametrize("name", ["flac", "ogg", "opus"])
@pytest.mark.parametrize(
    ("now", "then"),
    [(b"=One", b"=\xd3ne"), (b"artist=", b"arti\xf3t="), (b"artist=", b"arti~~~="[:7])],
)
def test_comments_that_are_not_utf8_are_left_alone(copy_of, name, now, then):
    path = copy_of(name)
    whole = path.read_bytes()
    assert whole.count(now) == 1
    path.write_bytes(whole.replace(now, then))
    if name != "flac":
        right_checksum(path)
    change = plan(entry_of(path), ALL)
    assert change.state == "failed" and "is no valid UTF-8 text" in change.why


def right_checksum(path):
    with path.open("rb+") as file:
        pages = []
        while file.tell() < path.stat().st_size:
            pages.append(OggPage(file))
        file.seek(0)
        for page in pages:
            file.write(page.write())


def test_mode_and_times(copy_of, journal):
    path = copy_of("mp3 2.4")
    path.chmod(0o640)
    os.utime(path, (1e9, 1e9))
    tagged(path, journal)
    status = path.stat()
    assert status.st_mode & 0o777 == 0o640
    assert time.time() - status.st_mtime < 60


def test_a_symbolic_link_stays_one(copy_of, journal, tmp_path):
    path = copy_of("flac")
    link = tmp_path / "link.flac"
    link.symlink_to(path)
    tagged(link, journal)
    assert link.is_symlink() and read_tags(path).values("mood") == ("Happy", "Energetic")


def test_names_on_the_disk_are_not_parted_unasked(copy_of, journal, tmp_path):
    path = copy_of("flac")
    (tmp_path / "second.flac").hardlink_to(path)
    change = plan(entry_of(path), ALL)
    assert change.state == "failed" and "has 2 names on the disk (hard links)" in change.why
    tagged(path, journal, replace(ALL, part_links=True))
    assert read_tags(tmp_path / "second.flac").values("mood") == ()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda path: path.chmod(0o444), "is read-only"),
        (lambda path: path.parent.chmod(0o555), "lies in a folder that is read-only"),
        (lambda path: path.unlink(), "is not there any more"),
        (lambda path: (path.unlink(), path.mkdir()), "cannot be written: Is a directory"),
        (lambda path: path.write_bytes(b""), "is of a format whose tags affetto does not write"),
        (lambda path: path.write_bytes(b"hello " * 99), "is of a format whose tags affetto"),
        (lambda path: path.write_bytes(b"fLaC" + b"\xff" * 99), "its tags cannot be read"),
        (lambda path: path.write_bytes(b"OggS" + bytes(99)), "is of a format"),
        (lambda path: path.write_bytes(b"\xff\xf1" + bytes(99)), "is raw AAC"),
        (
            lambda path: path.write_bytes(b"ID3\x02\0\0\0\0\0\x0aTT2" + bytes(99)),
            "is of a format|ID3v2.2",
        ),
        (
            lambda path: path.write_bytes(
                b"ID3\x04\0\xff\0\0\0\x0a" + bytes(10) + b"\xff\xfb" * 99
            ),
            "cannot",
        ),
    ],
)
def test_files_that_cannot_be_written_say_why(copy_of, spoil, why):
    path = copy_of("flac")
    spoil(path)
    try:
        change = plan(entry_of(path), ALL)
    finally:
        path.parent.chmod(0o755)
    assert change.state == "failed"
    assert any(part in change.why for part in why.split("|")), change.why


def test_id3v2_2_is_left_alone(copy_of):
    path = copy_of("mp3 bare")
    frame = b"TT2" + (6).to_bytes(3, "big") + b"\0title"
    path.write_bytes(b"ID3\x02\0\0\0\0\0" + bytes([len(frame)]) + frame + path.read_bytes())
    assert "has ID3v2.2 tags" in plan(entry_of(path), ALL).why


def test_audio_that_is_not_what_was_heard_is_left_alone(copy_of, journal):
    path = copy_of("flac")
    whole = path.read_bytes()
    change = plan(entry_of(path, audio_hash="f" + "0" * 40), ALL)
    done = write_change(change, journal, ALL)
    assert done.why == "its audio is not what was heard; run affetto library update first"
    assert path.read_bytes() == whole and not journal.path.exists()


def test_tags_that_change_between_look_and_write_are_left_alone(copy_of, journal):
    path = copy_of("flac")
    change = plan(entry_of(path), ALL)
    file = flac.FLAC(path)
    file["MOOD"] = "Mine"
    file.save()
    assert "changed meanwhile" in write_change(change, journal, ALL).why
    assert flac.FLAC(path)["MOOD"] == ["Mine"]


def no_space(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def broken(*_, **__):
    raise IndexError("a bug")


def corrupted_copy(self, source, target, **_):
    target.write_bytes(source.read_bytes()[:-100] + bytes(100))


def forgetful_copy(self, source, target, **_):
    shutil.copyfile(source, target)
    file = flac.FLAC(target)
    file["MOOD"], file["BPM"] = ["Happy"], ["1"]
    del file["TITLE"]
    file.save()


@pytest.mark.parametrize(
    ("place", "fault", "why"),
    [
        ((tag_formats.shutil, "copyfile"), no_space, "cannot be written: No space left on device"),
        ((flac.FLAC, "save"), no_space, "cannot be written: No space left on device"),
        ((flac.FLAC, "save"), broken, "its tags cannot be read or written: a bug"),
        ((tag_copies.os, "fsync"), no_space, "No space left on device|journal"),
        ((Path, "replace"), no_space, "No space left on device"),
        ((tag_formats._Flac, "write_copy"), corrupted_copy, "cannot hold|its audio would have"),
        ((tag_formats._Flac, "write_copy"), forgetful_copy, "cannot hold|another of its tags"),
    ],
)
def test_a_fault_leaves_the_file_as_it_was(  # noqa: PLR0917
    copy_of, journal, monkeypatch, place, fault, why
):
    path = copy_of("flac")
    whole = path.read_bytes()
    settings = TagSettings()
    change = plan(entry_of(path), settings)
    with monkeypatch.context() as patch:
        patch.setattr(*place, fault)
        done = write_change(change, journal, settings)
    assert done.state == "failed"
    assert any(part in done.why for part in why.split("|")), done.why
    assert path.read_bytes() == whole and left_in(path) == []
    assert write_change(change, journal, settings).state == "written"


def test_a_copy_with_other_audio_is_refused(copy_of, journal, monkeypatch):
    path = copy_of("flac")
    whole = path.read_bytes()
    real = tag_formats._Flac.write_copy

    def write(self, source, target, **more):
        real(self, source, target, **more)
        with target.open("rb+") as file:
            file.seek(-200, os.SEEK_END)
            file.write(bytes(100))

    monkeypatch.setattr(tag_formats._Flac, "write_copy", write)
    done = write_change(plan(entry_of(path), ALL), journal, ALL)
    assert done.why == "its audio would have changed; it was left as it was"
    assert path.read_bytes() == whole


def test_a_copy_that_lost_another_tag_is_refused(copy_of, journal, monkeypatch):
    path = copy_of("flac")
    whole = path.read_bytes()
    real = tag_formats._Flac.write_copy

    def write(self, source, target, **more):
        real(self, source, target, **more)
        file = flac.FLAC(target)
        del file["TITLE"]
        file.save()

    monkeypatch.setattr(tag_formats._Flac, "write_copy", write)
    done = write_change(plan(entry_of(path), ALL), journal, ALL)
    assert done.why == "another of its tags would have changed; it was left as it was"
    assert path.read_bytes() == whole


KILLED = """
import os, signal, sys
from pathlib import Path
from affetto.library.entry import Entry
from affetto.library.tag_journal import Journal
from affetto.library.tags import TagSettings, plan, write_change

Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
change = plan(Entry(7, sys.argv[1], mood="Happy"), TagSettings())
write_change(change, Journal(sys.argv[2]), TagSettings())
"""


def test_killed_before_the_copy_takes_its_place(copy_of, journal):
    path = copy_of("mp3 2.4")
    whole = path.read_bytes()
    database = journal.path.with_name("library.db")
    run = subprocess.run([sys.executable, "-c", KILLED, path, database], check=False)
    assert run.returncode == -9
    assert path.read_bytes() == whole and len(left_in(path)) == 1
    (written,) = journal.last_run()
    assert undo(written, journal).state == "right"  # it had not come to that
    tagged(path, journal)
    remove_stale(path.parent)
    assert left_in(path) == []


def test_copies_of_runs_that_live_are_left_to_them(tmp_path):
    for pid in (1, os.getpid()):
        (tmp_path / f".affetto-tags-{pid}-abc.part").touch()
    (tmp_path / ".affetto-tags-x.part").touch()
    remove_stale(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".affetto-tags-1-abc.part",
        ".affetto-tags-x.part",
    ]


def test_a_journal_that_cannot_be_written_stops_all(copy_of, tmp_path):
    path = copy_of("flac")
    whole = path.read_bytes()
    journal = Journal(tmp_path / "gone" / "library.db")
    with pytest.raises(OutputError, match=r"journal .* cannot be written, so no tag is"):
        write_change(plan(entry_of(path), ALL), journal, ALL)
    assert path.read_bytes() == whole and left_in(path) == []


def test_a_line_that_a_crash_cut_short_is_passed_over(copy_of, journal):
    path = copy_of("flac")
    tagged(path, journal, TagSettings())
    with journal.path.open("ab") as file:
        file.write(b'{"run": "abc", "pa')
    assert [written.track_id for written in journal.last_run()] == [7]
    journal.add_undone(journal.last_run()[0])
    assert journal.last_run() == []
    assert json.loads(journal.path.read_bytes().splitlines()[-1]) == {"undone": [journal.run, 7]}


def test_names_that_are_not_utf8(copy_of, journal):
    path = copy_of("flac").rename(os.fsdecode(b"caf\xe9.flac"))
    path = path.rename(Path(str(journal.path.parent)) / os.fsdecode(b"caf\xe9.flac"))
    tagged(path, journal)
    (written,) = journal.last_run()
    assert written.path == str(path) and undo(written, journal).state == "undone"
    json.dumps(plan(entry_of(path), ALL).as_dict()).encode()


def test_values_of_a_track():
    entry = entry_of("a.mp3")
    assert wanted_values(entry, TagSettings()) == {"mood": ("Happy",)}
    assert wanted_values(entry, TagSettings(n_moods=3, threshold=0.05))["mood"] == (
        "Happy", "Energetic", "Dark",
    )  # fmt: skip
    own = replace(entry, mood="Dark", own_mood="Dark")
    values = wanted_values(own, ALL)
    assert values["mood"] == ("Dark", "Happy") and values["confidence"] == ()
    bare = replace(entry, key=None, features={"tempo": None})
    assert set(wanted_values(bare, ALL)) == {"mood", "confidence", "version"}


@pytest.mark.parametrize(
    ("key", "code"),
    [("A minor", "Am"), ("C♯ major", "C#"), ("E♭ minor", "Ebm"), ("F# minor", "F#m"), ("?", None)],
)
def test_keys_as_tags_write_them(key, code):
    assert key_code(key) == code


def test_a_confidence_that_is_none_any_more_goes(copy_of, journal):
    path = copy_of("flac")
    tagged(path, journal)
    own = replace(entry_of(path), mood="Dark", own_mood="Dark")
    change = plan(own, ALL, journal.own_values()[audio_hash(path)])
    assert write_change(change, journal, ALL).state == "written"
    assert read_tags(path).values("confidence") == ()


def test_unsure_tracks_are_left_alone():
    settings = TagSettings(min_confidence=0.7)
    assert plan(entry_of("gone.mp3"), settings).state == "unsure"
    assert plan(entry_of("gone.mp3", own_mood="Happy"), settings).state == "failed"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"n_moods": 0}, "found 0 moods a track"),
        ({"threshold": 30}, "found 30 as the least threshold; expected 0–1"),
        ({"min_confidence": -1}, "found -1 as the least confidence"),
    ],
)
def test_settings_that_make_no_sense(settings, said):
    with pytest.raises(UsageError, match=said):
        TagSettings(**settings)


def test_without_mutagen_it_says_what_to_install():
    code = (
        "import sys; sys.modules['mutagen'] = None\n"
        "from affetto.errors import TagError\n"
        "try:\n    import affetto.library.tags\n"
        "except TagError as exc:\n    print(exc)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "affetto[tags]"' in run.stdout


def test_a_tag_error_is_what_a_caller_catches(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(TagError, match="it writes mp3, flac, ogg, opus, m4a"):
        read_tags(tmp_path / "a.txt")
