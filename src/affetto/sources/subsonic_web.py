"""Questions to a Subsonic server: who asks, how it is signed, what an answer's error means.

References
----------
.. [1] The Subsonic API 1.16.1, subsonic.org/pages/api.jsp.
.. [2] OpenSubsonic, opensubsonic.netlify.app: formPost, apiKeyAuthentication, error.
"""

import hashlib
import re
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from affetto.errors import LoginError, ServiceAnswerError, ServiceError, ServiceRefusedError
from affetto.sources.cache import AnswerCache
from affetto.sources.entries import text_of
from affetto.sources.patience import Patience
from affetto.sources.web import WebClient, checked_url, redacted

SERVICE: Final = "subsonic"
_SAID: Mapping[str, str] = {"v": "1.16.1", "c": "affetto", "f": "json"}
_TOKENS_SINCE = (1, 13)
_SALT_BYTES = 8
_FINDING_DAYS = 7.0
_NO_SUCH_PAGE = {400, 404, 405, 410, 501}
_OUT_OF_ORDER = {502, 503, 504}
_TOLD = 200  # letters of a server's own words that are passed on
WAYS: Final = (
    "log in with: affetto login subsonic; or set SUBSONIC_URL, SUBSONIC_USER and SUBSONIC_PASSWORD "
    "(or SUBSONIC_API_KEY)"
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks; one of the secrets is enough."""

    user: str
    password: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    salt: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    def salted(self) -> "Credentials":
        """Give a new salt and its token in the place of the password."""
        salt = secrets.token_hex(_SALT_BYTES)
        return replace(self, password=None, salt=salt, token=_token(self.password or "", salt))


@dataclass(frozen=True, slots=True)
class Finding:
    """What a server can do.

    Attributes
    ----------
    form : bool
        It takes what is asked as a form, so that nothing secret stands in addresses.
    tokens : bool
        It knows salted tokens; else it wants the password itself.
    is_open : bool
        It speaks OpenSubsonic.
    """

    form: bool = False
    tokens: bool = True
    is_open: bool = False


class SubsonicWire:
    """Questions to one server, signed."""

    def __init__(
        self, url: str, credentials: Credentials, cache: AnswerCache, patience: Patience | None
    ):
        self.url = url
        self.client = WebClient("Subsonic", url, patience=patience)
        self._credentials = credentials
        self._salted = credentials.salted() if credentials.password else credentials
        self._cache = cache
        self._found: Finding | None = None
        self._lock = threading.Lock()

    def finding(self) -> Finding:
        """Find out once what the server can do."""
        with self._lock:
            if self._found is None:
                kept = self._cache.get(f"{SERVICE} {self.url}", "server", "can")
                if kept is None:
                    self._cache.must_ask(f"what the Subsonic server {self.url} can do")
                self._found = Finding(**kept.value) if kept else self._find_out()
            return self._found

    def ask(
        self,
        endpoint: str,
        params: Mapping[str, Any] | None = None,
        *,
        repeatable: bool = True,
    ) -> dict[str, Any]:
        """Ask, and give the ``subsonic-response`` if all went well."""
        sent = self._sent(params)
        path = f"rest/{endpoint}.view"
        method = "POST" if "form" in sent else "GET"
        with self._known(endpoint):
            answer = self.client.json(path, method=method, repeatable=repeatable, **sent)
        told = _response(answer, self.url, endpoint)
        if told.get("status") == "ok" and "error" not in told:
            return told
        error = told.get("error")
        number = text_of(error.get("code")) if isinstance(error, dict) else None
        code = int(number) if number and number.isdecimal() else 0
        if code == 41 and self._credentials.password and self.finding().tokens:
            self._know(replace(self.finding(), tokens=False))
            return self.ask(endpoint, params, repeatable=repeatable)
        raise _failure(self.url, endpoint, code, error)

    def download(self, endpoint: str, params: Mapping[str, Any], target: Path) -> None:
        """Fetch a file."""
        with self._known(endpoint):
            self.client.download(f"rest/{endpoint}.view", target, **self._sent(params))

    def close(self) -> None:
        """Close all connections."""
        self.client.close()

    def takes_forms(self) -> bool:
        """Whether questions may be as long as they like."""
        return "form" in self._sent({})

    @contextmanager
    def _known(self, endpoint: str) -> Iterator[None]:
        """Say what to do where a server, or a login page before it, answers 401."""
        try:
            yield
        except LoginError as exc:
            raise _failure(self.url, endpoint, 40, {"message": exc.told or str(exc)}) from exc

    def _sent(self, params: Mapping[str, Any] | None) -> dict[str, Any]:
        finding, who = self.finding(), self._salted
        said: dict[str, Any] = {**_SAID, **(params or {})}
        if who.api_key or (finding.tokens and who.token):
            return {"form" if finding.form else "params": self._signed(said)}
        if self._credentials.password:
            encoded = self._credentials.password.encode().hex()
            # The password itself never stands in an address, whatever the server says it takes.
            return {"form": said | {"u": who.user, "p": f"enc:{encoded}"}}
        raise LoginError(
            f"the Subsonic server {self.url} knows no tokens, only passwords, and none is at hand: "
            "set SUBSONIC_PASSWORD, or keep it in the system's keyring with: affetto login subsonic"
        )

    def _signed(self, said: dict[str, Any]) -> dict[str, Any]:
        who = self._salted
        if who.api_key:
            return said | {"apiKey": who.api_key}
        return said | {"u": who.user, "t": who.token, "s": who.salt}

    def _find_out(self) -> Finding:
        """Ask without saying who asks: this much a server shall tell everybody."""
        page = "rest/getOpenSubsonicExtensions.view"
        try:
            told = _response(self.client.json(page, _SAID), self.url, page)
            if told.get("openSubsonic") is True and told.get("status") != "ok":
                # This one tells only users. If it takes no form it goes on saying no.
                asked = self._signed(dict(_SAID))
                told = _response(self.client.json(page, method="POST", form=asked), self.url, page)
                if told.get("status") != "ok":
                    return Finding(is_open=True)  # not kept: perhaps only the login was wrong
        except ServiceRefusedError as exc:
            if exc.status in _OUT_OF_ORDER:
                raise
            if exc.status not in _NO_SUCH_PAGE:
                return Finding()
            told = {}
        except ServiceAnswerError:
            return Finding()  # the first real question will say what is wrong
        extensions = listed(told.get("openSubsonicExtensions"))
        is_open = bool(extensions) or told.get("openSubsonic") is True
        version = re.match(r"(\d+)\.(\d+)", text_of(told.get("version")) or "")
        is_young = version is None or tuple(map(int, version.groups())) >= _TOKENS_SINCE
        return self._know(
            Finding(
                form=any(one.get("name") == "formPost" for one in extensions),
                tokens=is_open or is_young,
                is_open=is_open,
            )
        )

    def _know(self, finding: Finding) -> Finding:
        self._found = finding
        self._cache.put(
            f"{SERVICE} {self.url}", "server", "can", asdict(finding), days=_FINDING_DAYS
        )
        return finding


def base_of(url: str) -> str:
    """Give the address of a server without what all its addresses have.

    Raises
    ------
    UsageError
        If it is none.
    """
    return checked_url(url, "the Subsonic server").removesuffix("/rest")


def _token(password: str, salt: str) -> str:
    # The protocol knows no other digest.
    return hashlib.md5((password + salt).encode(), usedforsecurity=False).hexdigest()


def _response(answer: object, url: str, endpoint: str) -> dict[str, Any]:
    told = answer.get("subsonic-response") if isinstance(answer, dict) else None
    if not isinstance(told, dict):
        raise ServiceAnswerError(
            f"{url} answers {endpoint} with JSON that is no Subsonic response: is it another kind "
            "of server?"
        )
    return told


def _failure(url: str, endpoint: str, code: int, error: object) -> ServiceError:
    """Translate an error of the API; see [1] and [2] for its codes."""
    said = text_of(error.get("message")) if isinstance(error, dict) else None
    told = redacted(" ".join((said or "no reason given").split()))[:_TOLD]
    match code:
        case 40 | 44:
            return LoginError(
                f"the Subsonic server {url} does not know you: {told}. Was the password changed? "
                f"{WAYS}",
                status=401,
                told=told,
            )
        case 41 | 42 | 43:
            return LoginError(
                f"the Subsonic server {url} does not take this kind of login: {told}. {WAYS}",
                status=401,
                told=told,
            )
        case 20 | 30:
            old = "it is too new for affetto" if code == 20 else "it is too old"
            return ServiceRefusedError(
                f"the Subsonic server {url} speaks another version of the API: {old} ({told})",
                told=told,
            )
        case 50:
            status = 403
        case 70:
            status = 404
        case _:
            status = 0
    return ServiceRefusedError(
        f"the Subsonic server {url} refuses {endpoint}: {told}", status=status, told=told
    )


def inner(told: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Give what an answer holds; servers leave out what is empty."""
    found = told.get(name)
    return found if isinstance(found, dict) else {}


def listed(found: object) -> list[dict[str, Any]]:
    """Give a list; older servers send the one thing itself in place of a list of one."""
    things = found if isinstance(found, list) else [found] if isinstance(found, dict) else []
    return [one if isinstance(one, dict) else {} for one in things]
