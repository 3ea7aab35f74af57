"""The connection to Spotify: spotipy over a session of ours, its tokens kept fresh."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from affetto.errors import (
    ClientMissingError,
    LoginError,
    ServiceAnswerError,
    ServiceRefusedError,
)
from affetto.sources.accounts import Account
from affetto.sources.cache import AnswerCache
from affetto.sources.patience import Gate, Patience
from affetto.sources.spotify.session import DASHBOARD, TOKEN_PATH, Session
from affetto.sources.web import checked_url

try:
    import spotipy
    from spotipy.cache_handler import MemoryCacheHandler
    from spotipy.oauth2 import SpotifyClientCredentials, SpotifyPKCE
except ImportError as exc:
    _MISSING = (
        'asking Spotify needs packages that are not installed: pip install "affetto[sources]"'
    )
    raise ClientMissingError(_MISSING) from exc

T = TypeVar("T")

API_URL = "https://api.spotify.com/v1"
ACCOUNTS_URL = "https://accounts.spotify.com"

SCOPES = (
    "playlist-modify-private",
    "playlist-modify-public",
    "playlist-read-collaborative",
    "playlist-read-private",
    "user-library-read",
)
"""What a user is asked to allow."""

ANEW = "log in anew: affetto login spotify"
NO_LOGIN = (
    "there is no login to Spotify. Make an app at "
    f"{DASHBOARD} (its owner needs Spotify Premium), then: affetto login spotify. Or do without "
    "an app: export your playlists with Exportify, and collect the files"
)

_EARLY_S = 60  # a token is renewed this long before it ends


class Tokens:
    """Tokens for the user, or else for the app alone; renewed when they end.

    Parameters
    ----------
    account : Account
    session : Session
    accounts_url : str
    """

    def __init__(self, account: Account, session: Session, accounts_url: str):
        self._account, self._session = account, session
        self._token_url = accounts_url + TOKEN_PATH
        self._lock = threading.Lock()
        self._token: dict[str, Any] | None = None
        self._app: SpotifyClientCredentials | None = None
        self.client_id = ""
        self.user_id: str | None = None

    def load(self) -> None:
        """Find a login, without a question to anybody.

        Raises
        ------
        LoginError
            If there is none, or one that allows less than is needed.
        """
        if self._token is not None or self._app is not None:
            return
        token = self._kept()
        if token is not None:
            needed = ("access_token", "refresh_token", "client_id", "user_id")
            is_whole = all(isinstance(token.get(name), str) for name in needed)
            is_whole &= isinstance(token.get("expires_at"), int | float)
            if not is_whole or not set(SCOPES) <= set(str(token.get("scope")).split()):
                raise LoginError(
                    f"the login to Spotify that is kept allows less than affetto needs: {ANEW}"
                )
            self._token = token
            self.client_id, self.user_id = str(token["client_id"]), str(token["user_id"])
            return
        self._app = self._app_login()

    def get_access_token(self, as_dict: bool = False) -> str:
        """Give a token that counts still, as far as our clock knows; spotipy asks for it."""
        self.load()
        if self._app is not None:
            return self._app_token(self._app, check_cache=True)
        with self._lock:
            token = self._token or {}
            if float(token["expires_at"]) - time.time() < _EARLY_S:
                self._renew(token)
            return str((self._token or {})["access_token"])

    def renew(self, used: str) -> None:
        """Get another token in place of one that was refused, unless somebody did already."""
        if self._app is not None:
            self._app_token(self._app, check_cache=False)
            return
        with self._lock:
            token = self._token or {}
            if token.get("access_token") == used:
                self._renew(token)

    def _kept(self) -> dict[str, Any] | None:
        token = self._account.kept().get("token")
        return dict(token) if isinstance(token, dict) else None

    def _app_login(self) -> SpotifyClientCredentials:
        client_id = client_id_of(self._account)
        secret = self._account.secret("client_secret") or os.environ.get("SPOTIPY_CLIENT_SECRET")
        if not client_id or not secret:
            raise LoginError(NO_LOGIN)
        if not (client_id + secret).isascii():
            raise LoginError(
                "the Spotify app's id or secret holds letters that none has: copy anew"
            )
        self.client_id = client_id
        app = SpotifyClientCredentials(
            client_id,
            secret,
            requests_session=self._session,
            requests_timeout=self._session.patience.timeout_s,
            cache_handler=MemoryCacheHandler(),
        )
        app.OAUTH_TOKEN_URL = self._token_url
        return app

    def _app_token(self, app: SpotifyClientCredentials, *, check_cache: bool) -> str:
        try:
            return str(app.get_access_token(as_dict=False, check_cache=check_cache))
        except ServiceRefusedError as exc:
            if "invalid_client" not in exc.told:
                raise
            raise LoginError(
                f"Spotify does not know the app ({exc.told}): SPOTIFY_CLIENT_ID and "
                f"SPOTIFY_CLIENT_SECRET must be of one app; see {DASHBOARD}",
                status=exc.status,
                told=exc.told,
            ) from exc
        except (KeyError, TypeError) as exc:
            raise ServiceAnswerError("Spotify's answer holds no token") from exc

    def _renew(self, used: Mapping[str, Any]) -> None:
        # Spotify takes each refresh token once: one process at a time.
        with self._account.alone():
            if self._taken_over(used):
                return
            pkce = pkce_flow(self._session, self.client_id, self._token_url)
            try:
                told = pkce.refresh_access_token(used["refresh_token"])
            except ServiceRefusedError as exc:
                if "invalid_grant" not in exc.told and "invalid_client" not in exc.told:
                    raise
                if not self._taken_over(used):
                    self._revoked(exc)
                return
            except (KeyError, TypeError) as exc:
                raise ServiceAnswerError("Spotify's answer holds no token") from exc
            if not isinstance(told.get("access_token"), str):
                raise ServiceAnswerError("Spotify's answer holds no token")
            # What a renewal leaves out (scope, who the user is) stays.
            self._token = {**used, **{name: one for name, one in told.items() if one}}
            self._account.keep({"token": self._token})

    def _taken_over(self, used: Mapping[str, Any]) -> bool:
        """Take over what another process has renewed, if it has; a login changed is an end."""
        kept = self._kept()
        if kept is None:
            raise LoginError(f"the login to Spotify was taken away while this ran; {ANEW}")
        if any(kept.get(name) != used[name] for name in ("user_id", "client_id")):
            # What comes next would be kept as an answer to the user before.
            raise LoginError("another login to Spotify was made while this ran: begin it again")
        if kept.get("access_token") == used["access_token"]:
            return False
        self._token = kept
        return True

    def _revoked(self, exc: ServiceRefusedError) -> None:
        # An app that is gone is not offered again at the next login.
        is_app_gone = "invalid_client" in exc.told
        self._account.keep({"token": None, **({"client_id": None} if is_app_gone else {})})
        raise LoginError(
            f"Spotify no longer accepts the login that was kept ({exc.told}); {ANEW}",
            status=exc.status,
            told=exc.told,
        ) from exc


class Connection:
    """Spotify, asked with patience.

    Parameters
    ----------
    account : Account
    cache : AnswerCache, optional
        Says whether anything may be asked at all.
    patience : Patience, optional
    api_url, accounts_url : str, optional
        Default: ``SPOTIFY_API_URL`` and ``SPOTIFY_ACCOUNTS_URL``, else Spotify's own.
    """

    def __init__(
        self,
        account: Account,
        cache: AnswerCache | None = None,
        *,
        patience: Patience | None = None,
        api_url: str | None = None,
        accounts_url: str | None = None,
    ):
        self._cache = cache
        patience = patience or Patience()
        self._api_url = checked_url(api_url or account.setting("api_url") or API_URL, "Spotify")
        self.accounts_url = checked_url(
            accounts_url or account.setting("accounts_url") or ACCOUNTS_URL, "Spotify's login"
        )
        self.session = Session(patience)
        self.tokens = Tokens(account, self.session, self.accounts_url)
        self.gate = Gate("Spotify", patience)
        self._spotify = self._client(auth_manager=self.tokens)

    def _client(self, **login: Any) -> Any:
        # A session of ours: the one that spotipy builds forgets how long a 429 asks to wait.
        client = spotipy.Spotify(
            **login,
            requests_session=self.session,
            requests_timeout=self.session.patience.timeout_s,
            retries=0,
            status_retries=0,
        )
        client.prefix = f"{self._api_url}/"
        return client

    @property
    def account_key(self) -> str:
        """Name who asks, as in the cache.

        Raises
        ------
        LoginError
            If there is no login; found without a question to anybody.
        """
        self.tokens.load()
        user, app = self.tokens.user_id, self.tokens.client_id
        return f"spotify {user}" if user else f"spotify app {app}"

    def user(self, what: str) -> str:
        """Give the user's id, without a question to anybody.

        Parameters
        ----------
        what : str
            What a user is needed for, for the message.

        Raises
        ------
        LoginError
            If there is no login, or that of an app alone.
        """
        self.tokens.load()
        if self.tokens.user_id is None:
            raise LoginError(
                f"Spotify shows {what} to a user alone, and an app's id and secret are none: "
                "affetto login spotify"
            )
        return self.tokens.user_id

    def ask(self, what: str, question: Callable[[Any], T]) -> T:
        """Ask until there is an answer; a token that ended is renewed once.

        Parameters
        ----------
        what : str
            What is asked for, for the message.
        question : callable
            Takes the `spotipy.Spotify`.

        Raises
        ------
        OfflineError
            If nothing may be asked.
        ServiceError
        """
        if self._cache is not None:
            self._cache.must_ask(f"{what}, from Spotify,")

        def once() -> T:
            used = self.tokens.get_access_token()
            try:
                return question(self._spotify)
            except LoginError:
                # Our clock may have gone wrong: the token ended though it seems to count.
                self.tokens.renew(used)
            try:
                return question(self._spotify)
            except LoginError as exc:
                way = ANEW if self.tokens.user_id else "log in as yourself: affetto login spotify"
                raise LoginError(f"{exc}; {way}", status=exc.status, told=exc.told) from exc

        return self.gate.ask(once)

    def ask_with(self, token: str, question: Callable[[Any], T]) -> T:
        """Ask with a token that is not kept yet."""
        client = self._client(auth=token)
        return self.gate.ask(lambda: question(client))

    def close(self) -> None:
        """Close all connections."""
        self.session.close()


def client_id_of(account: Account) -> str | None:
    """Find the app's id: in the environment, under spotipy's name for it too, then kept."""
    ours = os.environ.get(account.variable("client_id"), "").strip()
    return ours or os.environ.get("SPOTIPY_CLIENT_ID", "").strip() or account.setting("client_id")


def pkce_flow(
    session: Session,
    client_id: str,
    token_url: str,
    *,
    redirect_uri: str = "http://127.0.0.1",
) -> SpotifyPKCE:
    """Set up spotipy's PKCE flow over our session; it keeps no token."""
    flow = SpotifyPKCE(
        client_id=client_id,
        redirect_uri=redirect_uri,
        scope=list(SCOPES),
        requests_session=session,
        requests_timeout=session.patience.timeout_s,
        open_browser=False,
        cache_handler=MemoryCacheHandler(),
    )
    flow.OAUTH_TOKEN_URL = token_url
    return flow
