"""Clips sent to ReccoBeats: only where it is named, each once, one bad track costing itself."""

import pytest

from affetto.collecting.recordings import Recordings
from affetto.collecting.uploading import Uploads
from affetto.errors import ServiceBusyError, ServiceRefusedError
from affetto.sources.contract import Listed
from affetto.sources.reccobeats import ReccoBeats
from affetto.tracks import Track
from services.base import Answer, Fault, busy
from services.case import QUICK
from services.reccobeats_server import ReccoBeatsServer


@pytest.fixture
def server():
    with ReccoBeatsServer() as one:
        yield one


@pytest.fixture
def uploads(cache, server):
    with ReccoBeats(cache, patience=QUICK, url=server.url) as client:
        yield Uploads(client, Recordings(cache))


def files(tmp_path, make_wav, n):
    return [
        Listed(Track(), path=str(make_wav(tmp_path / f"{place}.wav", pitch_hz=200 + 50 * place)))
        for place in range(n)
    ]


def test_each_file_is_sent_once(uploads, server, tmp_path, make_wav):
    tracks = files(tmp_path, make_wav, 3)
    assert all(map(uploads.can_tell, tracks))
    assert not uploads.can_tell(Listed(Track(id="a")))
    progress = []
    told = dict(uploads.features(tracks, lambda *one: progress.append(one)))
    assert sorted(told) == [0, 1, 2]
    assert len({tuple(one.features.values()) for one in told.values()}) == 3
    assert all(len(one.features) == 9 for one in told.values())
    assert progress == [(1, 3), (2, 3), (3, 3)]
    assert len(server.seen) == 3
    assert dict(uploads.features(tracks)) == told
    assert len(server.seen) == 3
    make_wav(tmp_path / "0.wav", pitch_hz=900)  # another recording in its place
    assert dict(uploads.features(tracks))[0] != told[0]
    assert len(server.seen) == 4


def test_one_file_that_cannot_be_heard_costs_itself(uploads, server, tmp_path, make_wav):
    tracks = files(tmp_path, make_wav, 3)
    (tmp_path / "1.wav").write_bytes(b"no audio")
    server.faults.append(
        Fault("answer", answer=Answer({"errors": [{"message": "too odd"}]}, 400), times=1)
    )
    told = dict(uploads.features(tracks))
    assert sorted(told) == [2]
    assert [listed.path for listed, _ in uploads.failures] == [tracks[0].path, tracks[1].path]
    assert "too odd" in uploads.failures[0][1]


def test_a_service_that_is_busy_ends_it_and_keeps_what_was_heard(
    cache, uploads, server, tmp_path, make_wav
):
    tracks = files(tmp_path, make_wav, 3)
    server.faults.append(busy(7_200, times=99, skip=1))
    told = []
    with pytest.raises(ServiceBusyError, match="until"):
        told += uploads.features(tracks)
    server.faults.clear()
    server.seen.clear()
    with ReccoBeats(cache, patience=QUICK, url=server.url) as another_run:
        again = Uploads(another_run, Recordings(cache))
        assert len(dict(again.features(tracks))) == 3
    assert len(server.seen) == 2


def test_a_clip_never_takes_the_place_of_what_it_is_cut_from(cache, server, tmp_path, make_wav):
    class MadeServer:
        name, account_key = "subsonic", "subsonic me"

        def fetch(self, listed, folder):
            return make_wav(folder / "clip.wav")

    with ReccoBeats(cache, patience=QUICK, url=server.url) as client:
        uploads = Uploads(client, Recordings(cache, {"subsonic": MadeServer()}))
        told = dict(uploads.features([Listed(Track(), origin="subsonic", handle="1")]))
    assert len(told[0].features) == 9 and uploads.failures == []


def test_a_track_that_its_server_has_no_more_costs_itself(cache, server, tmp_path, make_wav):
    class MadeServer:
        name, account_key = "subsonic", "subsonic me"

        def fetch(self, listed, folder):
            if listed.handle == "0":
                raise ServiceRefusedError("no song 0", status=404)
            return make_wav(folder / "song.wav")

    tracks = [Listed(Track(), origin="subsonic", handle=handle) for handle in "01"]
    with ReccoBeats(cache, patience=QUICK, url=server.url) as client:
        uploads = Uploads(client, Recordings(cache, {"subsonic": MadeServer()}))
        assert list(dict(uploads.features(tracks))) == [1]
    assert [error for _, error in uploads.failures] == ["no song 0"]
