"""Own audio: of this machine or of a music server, heard once."""

import shutil
import time

import pytest

from affetto.collecting.filling import fill
from affetto.collecting.gathering import Gathered
from affetto.collecting.hearing import OwnAudio
from affetto.collecting.recordings import Recordings
from affetto.errors import (
    OfflineError,
    OutputError,
    ServiceRefusedError,
    ServiceUnreachableError,
)
from affetto.features import FEATURE_NAMES
from affetto.sources.cache import AnswerCache
from affetto.sources.contract import Listed
from affetto.tracks import Track
from in_process import run_jobs


@pytest.fixture
def in_process(monkeypatch):
    """Listen here: starting processes takes longer than all the rest."""
    monkeypatch.setattr("affetto.scoring.listen.run_jobs", run_jobs)


class MadeServer:
    """Hands out files as a music server does."""

    name = "subsonic"
    account_key = "subsonic me@music"

    def __init__(self, files, gone=(), error=None):
        self.files, self.gone, self.error, self.fetched = files, gone, error, []

    def fetch(self, listed, folder):
        self.fetched.append(listed.handle)
        if listed.handle in self.gone:
            raise self.error or ServiceUnreachableError(f"{listed.handle} is gone")
        return shutil.copy(self.files[listed.handle], folder / "track.wav")


def heard(audio, *tracks):
    return dict(audio.features(tracks))


def there(handle, origin="subsonic"):
    return Listed(Track(id=handle), origin=origin, handle=handle)


@pytest.mark.usefixtures("in_process")
def test_a_file_is_heard_once_until_it_changes(cache, tmp_path, make_wav, monkeypatch):
    path = make_wav(tmp_path / "a.wav")
    audio = OwnAudio(Recordings(cache), jobs=1)
    listed = Listed(Track(), path=str(path))
    assert audio.can_tell(listed)
    told = heard(audio, listed)[0]
    assert 2_900 < told.features["duration_ms"] < 3_100
    assert set(told.features) <= set(FEATURE_NAMES) and "energy" in told.features
    monkeypatch.setattr("affetto.scoring.listen.listen", None)  # not called
    assert heard(audio, listed)[0] == told
    monkeypatch.undo()
    make_wav(path, seconds=4.0)
    assert heard(audio, listed)[0].features["duration_ms"] > 3_900


@pytest.mark.usefixtures("in_process")
def test_what_is_no_audio_is_a_failure_of_its_own_and_tried_again(cache, tmp_path, make_wav):
    bad, good = tmp_path / "bad.wav", make_wav(tmp_path / "good.wav")
    bad.write_bytes(b"no audio")
    audio = OwnAudio(Recordings(cache), jobs=1)
    told = heard(audio, Listed(Track(), path=str(bad)), Listed(Track(), path=str(good)))
    assert told[0].features == {} and "energy" in told[1].features
    ((failed, error),) = audio.failures
    assert failed.path == str(bad) and error
    make_wav(bad)
    assert "energy" in heard(audio, Listed(Track(), path=str(bad)))[0].features


def test_audio_of_a_server_is_heard_and_leaves_no_file(cache, tmp_path, make_wav, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    files = {str(place): make_wav(tmp_path / f"{place}.wav") for place in range(3)}
    server = MadeServer(files, gone={"1"})
    audio = OwnAudio(Recordings(cache, {"subsonic": server}), jobs=1)
    tracks = [there("0"), there("1"), there("2")]
    told = heard(audio, *tracks)
    assert sorted(told) == [0, 2] and "energy" in told[2].features
    assert [str(listed.handle) for listed, _ in audio.failures] == ["1"]
    assert list((tmp_path / "temporary").iterdir()) == []
    server.fetched.clear()
    assert heard(audio, tracks[0], tracks[2]) == {0: told[0], 1: told[2]}
    assert server.fetched == []


@pytest.mark.usefixtures("in_process")
def test_few_files_of_a_server_stand_on_the_disk_at_a_time(cache, tmp_path, make_wav):
    wav = make_wav(tmp_path / "a.wav", seconds=1.0)
    server = MadeServer({str(place): wav for place in range(30)})
    most = 0

    def fetch(listed, folder):
        nonlocal most
        most = max(most, len(list(folder.parent.glob("*/*.wav"))))
        return MadeServer.fetch(server, listed, folder)

    server.fetch = fetch
    told = []
    audio = OwnAudio(Recordings(cache, {"subsonic": server}), jobs=1)
    found = audio.features(
        [there(str(place)) for place in range(30)], lambda *one: told.append(one)
    )
    assert len(dict(found)) == 30
    assert most <= 12
    assert told[-1] == (30, 30) and len(told) >= 30  # told track by track


def test_a_server_that_is_gone_ends_the_hearing(cache):
    audio = OwnAudio(Recordings(cache, {"subsonic": MadeServer({}, gone={"0", "1"})}), jobs=1)
    with pytest.raises(ServiceUnreachableError, match="is gone"):
        heard(audio, there("0"), there("1"))


def test_what_came_before_a_server_was_gone_is_heard_and_kept(cache, tmp_path, make_wav):
    wav = make_wav(tmp_path / "a.wav")

    class Failing(MadeServer):
        def fetch(self, listed, folder):
            if listed.handle in self.gone:
                time.sleep(0.2)  # the others come first
            return super().fetch(listed, folder)

    gone = {str(place) for place in range(2, 12)}
    server = Failing({"0": wav, "1": wav}, gone)
    audio = OwnAudio(Recordings(cache, {"subsonic": server}), jobs=2)
    tracks = [there(str(place)) for place in range(12)]
    told = []
    with pytest.raises(ServiceUnreachableError, match="is gone"):
        told += audio.features(tracks)
    assert sorted(place for place, _ in told) == [0, 1]
    server.fetched.clear()
    assert sorted(heard(audio, *tracks[:2])) == [0, 1]
    assert server.fetched == []


def test_a_folder_that_is_cleared_away_is_a_problem_and_no_crash(cache, tmp_path, make_wav):
    class Clearing(MadeServer):
        def fetch(self, listed, folder):
            shutil.rmtree(folder.parent, ignore_errors=True)  # as what tidies up may
            return folder / "track.wav"

    audio = OwnAudio(Recordings(cache, {"subsonic": Clearing({})}), jobs=1)
    with pytest.raises(OutputError, match="cannot write into"):
        heard(audio, *(there(str(place)) for place in range(40)))


def test_nothing_can_be_heard_without_a_file_or_a_server(cache):
    audio = OwnAudio(Recordings(cache, {"subsonic": MadeServer({})}))
    assert not audio.can_tell(Listed(Track(id="a")))
    assert not audio.can_tell(there("0", origin="spotify"))
    assert audio.can_tell(there("0"))


@pytest.mark.usefixtures("in_process")
def test_offline_files_are_heard_and_servers_are_not_asked(tmp_path, make_wav):
    path = make_wav(tmp_path / "a.wav")
    server = MadeServer({"0": path})
    with AnswerCache(tmp_path / "answers.sqlite", offline=True) as cache:
        audio = OwnAudio(Recordings(cache, {"subsonic": server}), jobs=1)
        assert "energy" in heard(audio, Listed(Track(), path=str(path)))[0].features
        with pytest.raises(OfflineError, match="leave out --offline"):
            heard(audio, *(there(str(place)) for place in range(8)))
        assert audio.failures == []  # it is no track's own, and told once
    assert server.fetched == []


@pytest.mark.usefixtures("in_process")
def test_tracks_that_a_server_no_longer_has_do_not_keep_others_from_being_heard(
    cache, tmp_path, make_wav
):
    gone = {str(place) for place in range(16)}  # as many as are fetched at once
    server = MadeServer(
        {"16": make_wav(tmp_path / "a.wav")}, gone, ServiceRefusedError("no song", status=404)
    )
    audio = OwnAudio(Recordings(cache, {"subsonic": server}), jobs=1)
    assert list(heard(audio, *(there(str(place)) for place in range(17)))) == [16]
    assert len(audio.failures) == 16


def test_a_full_disk_is_a_problem_and_not_the_end_of_the_run(cache, stage):
    server = MadeServer({}, {"0"}, OutputError("No space left"))
    gathered = Gathered()
    gathered.begin_group("a", "Calm", "subsonic")
    gathered.add(there("0"))
    audio = OwnAudio(Recordings(cache, {"subsonic": server}), jobs=1)
    (problem,) = fill(gathered, {"audio": audio}, ("audio",), stage)
    assert problem.what == "audio" and "No space left" in str(problem.error)
