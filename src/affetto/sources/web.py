"""Asking one web service: JSON over HTTP, with patience; the one module that knows httpx.

Secrets travel in headers or in a form, and stand in no error: messages name the service and the
path, never the query.
"""

import json as json_module
import logging
import math
import re
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn
from urllib.parse import urlsplit

import affetto
from affetto.errors import (
    ClientMissingError,
    InputError,
    LoginError,
    ServiceAnswerError,
    ServiceRefusedError,
    ServiceUnreachableError,
    UsageError,
)
from affetto.output import written_aside
from affetto.sources.contract import Closable
from affetto.sources.patience import Gate, Patience, TryAgainError, wait_of

try:
    import httpx
except ImportError as exc:
    _MISSING = (
        'asking web services needs packages that are not installed: pip install "affetto[sources]"'
    )
    raise ClientMissingError(_MISSING) from exc

LARGEST_ANSWER = 64 * 2**20
"""Bytes of JSON that one answer may hold."""

_LARGEST_FILE = 2 * 2**30
_ERRNO = re.compile(r"^\[Errno -?\d+\] ")
_TOLD = 200  # letters of a service's own words that are passed on
_SECRET = re.compile(
    r"(?i)([?&](?:t|s|p|u|token|api_?key|access_token|refresh_token|code|client_secret|password)=)"
    r"[^&\s\"']+"
    r"|(\b(?:bearer|basic)\s+|\btoken=\"?|://(?=[^/\s@]*@))[^\s'\",}@]+"
)
_WORD = re.compile(r"[^\s\"',=]{8,}")  # what may be the secret in a header


class _Redacted(logging.Filter):
    """Takes what may be secret out of a log line."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redacted(record.getMessage()), ()
        return True


# The last tells the headers of answers: a redirection repeats the address that was asked.
for _logger in ("httpx", "urllib3.connectionpool", "httpcore.http11"):
    logging.getLogger(_logger).addFilter(_Redacted())


def redacted(text: str) -> str:
    """Put … in the place of passwords and tokens in an address or a header."""
    return _SECRET.sub(lambda match: f"{match[1] or match[2]}…", text)


class WebClient(Closable):
    """The connection to one service; to be closed, or used in a ``with``.

    It may be used by `Patience.at_once` threads at a time.

    Parameters
    ----------
    service : str
        What people call it, for messages.
    base_url : str
        ``http`` or ``https``; a path is kept, a query is not allowed.
    headers : mapping of str to str, optional
        Sent with every question; may hold secrets.
    patience : Patience, optional

    Raises
    ------
    UsageError
        If the address is none.
    """

    def __init__(
        self,
        service: str,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        patience: Patience | None = None,
    ):
        self.service = service
        self.base_url = checked_url(base_url, service)
        self.patience = patience or Patience()
        self.gate = Gate(service, self.patience)
        self.n_requests = 0
        self._lock = threading.Lock()
        self._secrets = {word for told in (headers or {}).values() for word in _WORD.findall(told)}
        said = {"User-Agent": f"affetto/{affetto.__version__}", "Accept": "application/json"}
        try:
            # Redirections are not followed: they could carry a password to another host.
            self._client = httpx.Client(
                headers={**said, **(headers or {})},
                verify=_trusted(),
                timeout=httpx.Timeout(self.patience.timeout_s, pool=None),
                limits=httpx.Limits(max_connections=self.patience.at_once),
            )
        except (ImportError, ValueError, httpx.InvalidURL) as exc:
            raise UsageError(
                f"the proxy that the environment names cannot be used: {redacted(str(exc))}"
            ) from exc

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def json(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        method: str = "GET",
        body: object = None,
        form: Mapping[str, Any] | None = None,
        upload: tuple[str, Path] | None = None,
        repeatable: bool = True,
    ) -> Any:
        """Ask a question, and give its answer.

        Parameters
        ----------
        path : str
            Behind the base URL, e.g. ``"v1/track"``.
        params : mapping, optional
            The query; a list stands for a name that is repeated.
        method : str
        body : object, optional
            Sent as JSON.
        form : mapping, optional
            Sent as a form; a list stands for a name that is repeated.
        upload : tuple of (str, Path), optional
            A field's name and the file that is sent in it.
        repeatable : bool
            Whether the question may be asked again where it is not known if it was heard;
            False for what creates something.

        Returns
        -------
        object
            What the JSON holds; None for an empty answer to a question that changes something.

        Raises
        ------
        ServiceUnreachableError, ServiceAnswerError, ServiceRefusedError, ServiceBusyError
            Once no further try would help. `LoginError` on 401.
        """

        def once() -> Any:
            # Opened anew for every try: the one before has read it.
            with _opened(upload) as files:
                request = self._request(method, path, params, body=body, form=form, files=files)
                return self._answer(request, path, repeatable=repeatable)

        return self.gate.ask(once)

    def download(
        self,
        path: str,
        target: Path,
        params: Mapping[str, Any] | None = None,
        *,
        form: Mapping[str, Any] | None = None,
    ) -> None:
        """Fetch a file, whole or not at all; asked for with a form where secrets go with it.

        Raises
        ------
        ServiceError
            As `json`.
        OutputError
            If it cannot be written.
        """

        def once() -> None:
            request = self._request("POST" if form else "GET", path, params, form=form)
            with self._sent(request, path) as response, written_aside(target) as aside:
                kind = response.headers.get("content-type", "").partition(";")[0]
                if kind.startswith(("application/json", "text/")):
                    self._refuse(path, f"{kind} in place of audio")
                with aside.open("wb") as file:
                    for block in self._blocks(response, path, _LARGEST_FILE):
                        file.write(block)
                    if not file.tell():
                        error = f"{self.service} answers {_shown(path)} with an empty file"
                        raise TryAgainError(ServiceAnswerError(error))

        self.gate.ask(once)

    def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None,
        *,
        body: object = None,
        form: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
    ) -> httpx.Request:
        # Escaped, JSON holds any text, even what no UTF-8 can.
        content = None if body is None else json_module.dumps(body).encode("ascii")
        try:
            return self._client.build_request(
                method,
                f"{self.base_url}/{_sendable(path).lstrip('/')}",
                params=params and {name: _sendable(value) for name, value in params.items()},
                content=content,
                data=form and {name: _sendable(value) for name, value in form.items()},
                files=files,
                headers=None if content is None else {"Content-Type": "application/json"},
            )
        except httpx.InvalidURL as exc:
            raise UsageError(f"{self.service} cannot be asked for {_shown(path)!r}") from exc

    def _answer(self, request: httpx.Request, path: str, *, repeatable: bool) -> Any:
        deadline = time.monotonic() + 3 * self.patience.timeout_s
        with self._sent(request, path, repeatable=repeatable) as response:
            raw = b"".join(self._blocks(response, path, LARGEST_ANSWER, deadline))
        if not raw.strip() and (response.status_code == 204 or request.method != "GET"):
            return None
        if raw[:200].lstrip().lower().startswith((b"<!doctype", b"<html")):
            self._refuse(path, "a web page: is the address right, or is there a login before it?")
        if raw[:200].lstrip().startswith(b"<"):
            self._refuse(path, "XML in place of JSON: is it too old to know JSON?")
        try:
            return json_module.loads(raw)
        except (ValueError, RecursionError) as exc:
            error = ServiceAnswerError(
                f"{self.service} answers {_shown(path)} with a text that is no JSON, or cut short "
                f"({len(raw):,} bytes)"
            )
            # What was changed was changed, however its answer reads.
            raise (TryAgainError(error) if repeatable else error) from exc

    @contextmanager
    def _sent(
        self, request: httpx.Request, path: str, *, repeatable: bool = True
    ) -> Iterator[httpx.Response]:
        """Give the answer while it is read; what httpx raises meanwhile becomes ours."""
        with self._lock:
            self.n_requests += 1
        try:
            response = self._client.send(request, stream=True)
            try:
                self._check(response, path, repeatable=repeatable)
                yield response
            finally:
                response.close()
        except httpx.HTTPError as exc:
            raise self._broken(exc, repeatable=repeatable) from exc

    def _blocks(
        self, response: httpx.Response, path: str, largest: int, deadline: float = math.inf
    ) -> Iterator[bytes]:
        n_bytes = 0
        for block in response.iter_bytes():
            n_bytes += len(block)
            if n_bytes > largest:
                self._refuse(path, f"more than {largest // 2**20:,} MB")
            if time.monotonic() > deadline:
                # httpx's own patience begins anew with every byte.
                raise httpx.ReadError("its answer comes too slowly")
            yield block

    def _check(self, response: httpx.Response, path: str, *, repeatable: bool) -> None:
        """Let only a success pass."""
        status, headers = response.status_code, response.headers
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            place = _host(headers.get("location", ""))
            raise ServiceRefusedError(
                f"{self.service} ({self.base_url}) sends elsewhere{place and f', to {place}'}: "
                "set its address to that if you trust it",
                status=status,
            )
        deadline = time.monotonic() + self.patience.timeout_s
        told = self._without_secrets(_reason(response, deadline))
        words = f"{self.service} answers {_shown(path)} with {status}"
        message = f"{words}: {told}" if told else f"{words} {response.reason_phrase}".rstrip()
        kind = LoginError if status == 401 else ServiceRefusedError
        error = kind(message, status=status, told=told)
        # With 429 it says itself that it did nothing; a 503 may be a proxy's, after the deed.
        if status == 429 or (status == 503 and repeatable and "retry-after" in headers):
            wait_s = wait_of(headers.get("retry-after"), headers.get("date"))
            raise TryAgainError(error, wait_s)
        may_help = status >= 500 or status == 408
        raise TryAgainError(error) if may_help and repeatable else error

    def _broken(self, error: httpx.HTTPError, *, repeatable: bool) -> Exception:
        """Say what broke, without the address, which may hold secrets."""
        if isinstance(error, httpx.TimeoutException):
            cause = f"no answer within {self.patience.timeout_s:g} s"
        else:
            cause = _ERRNO.sub("", redacted(str(error))) or type(error).__name__
        told = ServiceUnreachableError(
            f"{self.service} ({self.base_url}) cannot be reached: {cause}; is it running, and "
            "is there a network?"
        )
        # A question that was perhaps heard must not be asked twice if that does harm.
        unheard = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
        return TryAgainError(told) if repeatable or unheard else told

    def _refuse(self, path: str, found: str) -> NoReturn:
        raise ServiceAnswerError(
            f"{self.service} ({self.base_url}) answers {_shown(path)} with {found}"
        )

    def _without_secrets(self, text: str) -> str:
        """Take out what a service repeats of the question's headers."""
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text


@cache
def _trusted() -> ssl.SSLContext:
    """Read the certificates once for all clients: it takes longer than all else they begin with."""
    return httpx.create_ssl_context()


@contextmanager
def _opened(upload: tuple[str, Path] | None) -> Iterator[dict[str, tuple[str, IO[bytes]]] | None]:
    """Open the file to upload, for as long as one try lasts."""
    if upload is None:
        yield None
        return
    field, path = upload
    try:
        file = path.open("rb")
    except OSError as exc:
        raise InputError(f"cannot read {path}: {exc.strerror or exc}") from exc
    with file:
        # The name of a file says more of its owner than a service needs.
        yield {field: (f"audio{path.suffix}", file)}


def checked_url(url: str, service: str) -> str:
    """Give a service's address without a slash at its end.

    Raises
    ------
    UsageError
        If it is no http or https URL, or holds a query or a password.
    """
    text = url.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname)
        is_address = is_address and parts.port != 0 and bool(httpx.URL(text))
    except (ValueError, httpx.InvalidURL):
        is_address = False
    if not is_address:
        raise UsageError(
            f"found {redacted(text)!r} as the address of {service}; expected one such as "
            "https://music.example.org"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(
            f"the address of {service} must hold no user, password or query: these are set apart "
            "(affetto login asks for them)"
        )
    return text


def _reason(response: httpx.Response, deadline: float) -> str:
    """Find a service's own words for what is wrong, in the shapes in which they come."""
    with suppress(httpx.HTTPError, ValueError, RecursionError):
        raw = b""
        for block in response.iter_bytes():
            raw += block
            if len(raw) > 2**16 or time.monotonic() > deadline:
                break
        found = json_module.loads(raw)
        if not isinstance(found, dict):
            return ""
        inner = found.get("error") or found
        if isinstance(inner, dict):
            listed = inner.get("errors")
            if isinstance(listed, list) and listed and isinstance(listed[0], dict):
                inner = listed[0]
            inner = inner.get("message") or inner.get("title") or ""
        return redacted(" ".join(str(inner).split()))[:_TOLD]
    return ""


def _shown(path: str) -> str:
    return "/" + path.lstrip("/")


def _host(url: str) -> str:
    """Say where an address leads, without what else it holds."""
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.hostname:
            return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return ""


def _sendable(value: Any) -> Any:
    """Put ? in the place of what UTF-8 cannot hold: half of a character, from an odd file name."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list | tuple):
        return [_sendable(one) for one in value]
    return value
