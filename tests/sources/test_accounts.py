"""Settings and secrets: where they are looked for, and who may read what is kept."""

import json
import os
import stat
import threading
import time

import pytest
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked

from affetto.errors import OutputError, ServiceError
from affetto.sources.accounts import Account, default_folder
from services.keyrings import MemoryKeyring


class LockedKeyring(MemoryKeyring):
    """A keyring whose owner is not there."""

    def get_password(self, *_):
        raise KeyringLocked("locked")

    def set_password(self, *_):
        raise KeyringLocked("locked")


class BrokenKeyring(MemoryKeyring):
    """A keyring that takes everything and keeps nothing."""

    def set_password(self, service, username, password):
        pass


@pytest.fixture
def account(tmp_path, monkeypatch, use_keyring):
    use_keyring(MemoryKeyring())
    for name in ("URL", "USER", "PASSWORD"):
        monkeypatch.delenv(f"SUBSONIC_{name}", raising=False)
    return Account("subsonic", tmp_path / "accounts")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")


def test_nothing_is_known_at_first(account):
    assert account.setting("url") is None
    assert account.secret("password") is None
    assert account.kept() == {}
    assert not account.forget()


def test_the_environment_comes_before_what_is_kept(account, monkeypatch):
    account.keep({"url": "https://kept.example"})
    account.keep_secret("password", "kept")
    assert account.setting("url") == "https://kept.example"
    assert account.secret("password") == "kept"
    monkeypatch.setenv("SUBSONIC_URL", " https://told.example\n")
    monkeypatch.setenv("SUBSONIC_PASSWORD", " told ")
    assert account.setting("url") == "https://told.example"
    assert account.secret("password") == " told "  # blanks may be part of a password


def test_an_empty_variable_is_none(account, monkeypatch):
    monkeypatch.setenv("SUBSONIC_URL", " ")
    monkeypatch.setenv("SUBSONIC_PASSWORD", "")
    assert account.setting("url") is None
    assert account.secret("password") is None


def test_a_secret_goes_into_the_keyring_alone(account, use_keyring):
    ring = use_keyring(MemoryKeyring())
    assert account.keep_secret("password", "tr0ub4dor")
    assert ring.kept == {("affetto subsonic", "password"): "tr0ub4dor"}
    assert not account.path.exists()


@pytest.mark.parametrize("ring", [NoKeyring, LockedKeyring, BrokenKeyring])
def test_without_a_keyring_a_secret_is_not_kept_and_none_is_known(account, use_keyring, ring):
    use_keyring(ring())
    assert account.keep_secret("password", "tr0ub4dor") is False
    assert account.secret("password") is None
    assert not account.forget()
    assert not account.path.exists()


@posix
def test_what_is_kept_is_for_its_owner_alone(account):
    before = os.umask(0)
    try:
        account.keep({"token": "t"})
        account.keep({"user": "anna"})
    finally:
        os.umask(before)
    assert mode(account.path) == 0o600
    assert mode(account.path.parent) & 0o077 == 0
    assert json.loads(account.path.read_text()) == {"token": "t", "user": "anna"}
    assert list(account.path.parent.iterdir()) == [account.path]


def test_none_takes_a_name_away(account):
    account.keep({"token": "t", "user": "anna"})
    account.keep({"token": None})
    assert account.kept() == {"user": "anna"}


@posix
@pytest.mark.parametrize("wide", [0o640, 0o604, 0o660, 0o666])
def test_a_file_that_others_may_read_is_refused(account, wide):
    account.keep({"token": "s3cret-token"})
    account.path.chmod(wide)
    with pytest.raises(ServiceError, match=r"read by others.*affetto login subsonic") as caught:
        account.setting("url")
    assert "s3cret-token" not in str(caught.value)
    account.keep({"url": "https://new.example"})  # a login anew puts it right
    assert mode(account.path) == 0o600
    assert account.kept() == {"url": "https://new.example"}


def test_a_damaged_file_says_what_to_do_and_is_made_anew(account):
    account.keep({"token": "t"})
    account.path.write_text('{"token": "s3cret')
    with pytest.raises(ServiceError, match="log in anew: affetto login subsonic") as caught:
        account.kept()
    assert "s3cret" not in str(caught.value)
    account.keep({"user": "anna"})
    assert account.kept() == {"user": "anna"}


@posix
def test_a_file_that_cannot_be_used_makes_room_for_a_login(account):
    account.mend()  # nothing to mend
    account.keep({"url": "https://kept.example"})
    account.mend()
    assert account.setting("url") == "https://kept.example"
    account.path.chmod(0o644)
    account.mend()
    assert account.setting("url") is None
    account.keep({"url": "https://kept.example"})
    account.path.write_bytes(b"\xff")
    account.mend()
    assert not account.path.exists()


def test_a_file_of_another_shape_holds_nothing(account):
    account.keep({"user": "anna"})
    account.path.write_text("[1, 2]")
    assert account.kept() == {}


def test_where_nothing_can_be_written_what_was_there_stays(account, monkeypatch):
    account.keep({"user": "anna"})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("affetto.sources.accounts.os.fsync", full)
    with pytest.raises(OutputError, match=r"cannot be kept.*No space left"):
        account.keep({"user": "bert"})
    assert account.kept() == {"user": "anna"}
    assert list(account.path.parent.iterdir()) == [account.path]


def test_a_login_broken_off_while_it_is_kept_leaves_no_token_behind(account, monkeypatch):
    account.keep({"user": "anna"})

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("affetto.sources.accounts.os.fsync", stopped)
    with pytest.raises(KeyboardInterrupt):
        account.keep({"token": "s3cret-token"})
    assert list(account.path.parent.iterdir()) == [account.path]


@posix
def test_one_at_a_time_is_alone(account):
    account.keep({"user": "anna"})
    order = []

    def second():
        with account.alone():
            order.append("second")

    with account.alone():
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert list(account.path.parent.iterdir()) == [account.path]


def test_without_a_folder_there_is_nobody_to_keep_out(account):
    with account.alone():
        assert not account.path.parent.exists()


def test_forgetting_takes_the_file_and_the_secrets(account, use_keyring):
    ring = use_keyring(MemoryKeyring())
    account.keep({"user": "anna"})
    account.keep_secret("password", "tr0ub4dor")
    other = Account("jellyfin", account.path.parent)
    other.keep({"user": "anna"})
    other.keep_secret("password", "another")
    assert account.forget()
    assert not account.path.exists()
    assert ring.kept == {("affetto jellyfin", "password"): "another"}
    assert other.kept() == {"user": "anna"}
    assert not account.forget()


def test_the_folder_is_the_users_own(monkeypatch, tmp_path):
    monkeypatch.setattr("platformdirs.user_config_dir", lambda *_, **__: str(tmp_path / "config"))
    assert default_folder() == tmp_path / "config" / "accounts"
    assert Account("spotify").path == tmp_path / "config" / "accounts" / "spotify.json"


def test_a_keyring_that_the_environment_names_and_is_not_there_is_none(account, monkeypatch):
    def absent(*_):
        raise ModuleNotFoundError("No module named 'nonsense'")

    for name in ("get_password", "set_password"):
        monkeypatch.setattr(f"keyring.{name}", absent)
    assert account.keep_secret("password", "tr0ub4dor") is False
    assert account.secret("password") is None
    assert not account.forget()


def test_what_cannot_be_forgotten_is_said(account):
    account.path.mkdir(parents=True)
    with pytest.raises(OutputError, match="delete it by hand"):
        account.forget()
