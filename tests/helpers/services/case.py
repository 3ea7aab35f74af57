"""How the contract suites drive one source, whatever it is."""

from abc import ABC, abstractmethod
from contextlib import closing

from affetto.sources.accounts import Account
from affetto.sources.patience import Patience

QUICK = Patience(
    attempts=4,
    timeout_s=2.0,
    longest_wait_s=3.0,
    first_wait_s=0.01,
    last_wait_s=0.05,
    jitter_s=0.01,
)
"""Of tests: the waits of a real service, a hundred times as short."""

SECRETS = ("tr0ub4dor-password", "s3cret-client", "s3cret-api-key")
"""What is used as password, client secret, key: may stand in no error, log or cache."""


def entries(source, reference):
    """Find one playlist and list it whole."""
    (found,) = source.find(reference)
    return list(source.tracks(found))


def entries_of(case, cache, reference):
    """List a playlist in a run of its own."""
    with closing(case.open(cache)) as source:
        return entries(source, reference)


class Case(ABC):
    """One source with its service, if it has one; made anew for each test.

    Attributes
    ----------
    name : str
        As `PlaylistSource.name`.
    page : int or None
        Entries that its service lists at once; None where it lists all.
    listing : str
        Part of the path of requests that list entries, to order faults for.
    service : services.base.Service or None
        None: no network.
    """

    name: str
    page: int | None = None
    listing: str = ""
    service = None

    @abstractmethod
    def __init__(self, folder, monkeypatch):
        """Begin in an empty folder; settings and secrets go into the environment."""

    @abstractmethod
    def add_playlist(self, name, n, *, first=0):
        """Make a playlist of tracks `first` … `first + n - 1`; give the reference to it.

        Track i has the title ``Track i``, the artist ``Artist (i % 7)`` and, where the source
        tells lengths, ``180_000 + i`` ms.
        """

    @abstractmethod
    def open(self, cache):
        """Give the source, patient as `QUICK`."""

    def unknown(self):
        """Give a reference to a playlist that is not there."""
        raise NotImplementedError

    def forget_login(self):
        """Let the service know the user no more: password changed, tokens revoked."""
        raise NotImplementedError

    def repeat_last(self, reference):
        """Put the last entry of a playlist into it once more."""
        raise NotImplementedError

    def close(self):
        """End the service."""
        if self.service is not None:
            self.service.stop()


class MusicServerCase(Case):
    """A server of music, whose user is told by the environment.

    Attributes
    ----------
    kind : type of affetto.sources.music_server.MusicServer
    """

    kind: type

    def __init__(self, folder, monkeypatch, service):
        self.name = self.kind.name
        self.folder, self.service = folder, service.start()
        settings = {"URL": service.url, "USER": "ada", "PASSWORD": SECRETS[0]}
        for name in ("API_KEY", "MUSIC_FOLDER"):
            monkeypatch.delenv(self.variable(name), raising=False)
        for name, value in settings.items():
            monkeypatch.setenv(self.variable(name), value)

    def variable(self, name):
        return f"{self.name}_{name}".upper()

    def account(self):
        return Account(self.name, self.folder / "accounts")

    def open(self, cache, patience=QUICK):
        return self.kind(self.account(), cache, patience=patience)

    @abstractmethod
    def add_track(self, i):
        """Put track i into the catalogue; give the server's id of it."""

    @abstractmethod
    def tracks_of(self, key):
        """Give the list of tracks in a playlist."""

    def add_playlist(self, name, n, *, first=0):
        tracks = [self.add_track(i) for i in range(first, first + n)]
        self.service.add_playlist(name, tracks)
        return f"{self.name}:playlist/{name}"

    def unknown(self):
        return f"{self.name}:playlist/Nowhere"
