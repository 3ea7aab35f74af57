"""Asking one web service: JSON over HTTP, with patience; the one module that knows httpx.

Secrets travel in headers or in a form, and stand in no error: messages name the service and the
path, never the query.
"""

import json as json_module
import logging
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import urlsplit

import affetto
from affetto.errors import (
    ClientMissingError,
    LoginError,
    ServiceAnswerError,
    ServiceError,
    ServiceRefusedError,
    ServiceUnreachableError,
    UsageError,
)
from affetto.output import written_aside
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
_TOLD = 200  # letters of a service's own words that are passed on
_SECRET = re.compile(
    r"(?i)([?&](?:t|s|p|u|token|api_?key|access_token|refresh_token|code|client_secret)=)[^&\s\"']+"
    r"|(\b(?:bearer|basic|mediabrowser)\s+)[^\s'\",}]+"
)


class _Redacted(logging.Filter):
    """Takes what may be secret out of a log line."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redacted(record.getMessage()), ()
        return True


for _logger in ("httpx", "urllib3.connectionpool"):
    logging.getLogger(_logger).addFilter(_Redacted())


def redacted(text: str) -> str:
    """Put … in the place of passwords and tokens in an address or a header."""
    return _SECRET.sub(lambda match: f"{match[1] or match[2]}…", text)


class WebClient:
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
        said = {"User-Agent": f"affetto/{affetto.__version__}", "Accept": "application/json"}
        limits = httpx.Limits(max_connections=self.patience.at_once)
        # Redirections are not followed: they could carry a password to another host.
        self._client = httpx.Client(
            headers={**said, **(headers or {})},
            timeout=httpx.Timeout(self.patience.timeout_s, pool=None),
            limits=limits,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

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
                request = self._client.build_request(
                    method,
                    self._url(path),
                    params=params,
                    json=body,
                    data=form,
                    files=files,
                )
                return self._answer(request, path, repeatable=repeatable)

        return self.gate.ask(once)

    def download(self, path: str, target: Path, params: Mapping[str, Any] | None = None) -> None:
        """Fetch a file, whole or not at all.

        Raises
        ------
        ServiceError
            As `json`.
        OutputError
            If it cannot be written.
        """

        def once() -> None:
            request = self._client.build_request("GET", self._url(path), params=params)
            with self._sent(request, path) as response, written_aside(target) as aside:
                kind = response.headers.get("content-type", "")
                if kind.startswith(("application/json", "text/")):
                    self._refuse_shape(path, f"{kind.partition(';')[0]} in place of audio")
                n_bytes = 0
                with aside.open("wb") as file:
                    for block in self._blocks(response, path, _no_deadline()):
                        n_bytes += len(block)
                        if n_bytes > _LARGEST_FILE:
                            self._refuse_shape(path, "a file of more than 2 GB")
                        file.write(block)

        self.gate.ask(once)

    def _url(self, path: str) -> str:
        return f"{self.base_url}/{path.lstrip('/')}"

    def _answer(self, request: httpx.Request, path: str, *, repeatable: bool) -> Any:
        deadline = time.monotonic() + 3 * self.patience.timeout_s
        with self._sent(request, path, repeatable=repeatable) as response:
            raw = b"".join(self._blocks(response, path, deadline, largest=LARGEST_ANSWER))
        if not raw.strip() and (response.status_code == 204 or request.method != "GET"):
            return None
        start = raw[:200].lstrip().lower()
        if start.startswith((b"<!doctype", b"<html")):
            self._refuse_shape(
                path, "a web page: is the address right, or is there a login before it"
            )
        try:
            return json_module.loads(raw)
        except ValueError as exc:
            error = ServiceAnswerError(
                f"{self.service} answers {_shown(path)} with a text that is no JSON, or cut short "
                f"({len(raw):,} bytes)"
            )
            raise TryAgainError(error) from exc

    def _sent(self, request: httpx.Request, path: str, *, repeatable: bool = True) -> "_Response":
        self.n_requests += 1
        return _Response(self, request, path, repeatable=repeatable)

    def _blocks(
        self, response: httpx.Response, path: str, deadline: float, *, largest: int | None = None
    ) -> Any:
        n_bytes = 0
        for block in response.iter_bytes():
            n_bytes += len(block)
            if largest is not None and n_bytes > largest:
                self._refuse_shape(path, f"more than {largest // 2**20} MB")
            if time.monotonic() > deadline:
                raise TryAgainError(
                    ServiceUnreachableError(f"{self.service} answers {_shown(path)} too slowly")
                )
            yield block

    def _refuse_shape(self, path: str, found: str) -> None:
        raise ServiceAnswerError(
            f"{self.service} ({self.base_url}) answers {_shown(path)} with {found}"
        )


class _Response:
    """One answer while it is read; errors on the way are ours from here on."""

    def __init__(
        self, client: WebClient, request: httpx.Request, path: str, *, repeatable: bool
    ) -> None:
        self._owner, self._request, self._path = client, request, path
        self._repeatable = repeatable
        self._response: httpx.Response | None = None

    def __enter__(self) -> httpx.Response:
        try:
            self._response = self._owner._client.send(self._request, stream=True)
            self._check(self._response)
        except BaseException as exc:
            self.__exit__(type(exc), exc, None)
            raise
        return self._response

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._response is not None:
            self._response.close()
        if isinstance(error, httpx.HTTPError):
            raise self._broken(error) from error

    def _broken(self, error: httpx.HTTPError) -> Exception:
        """Say what broke, without the address, which may hold secrets."""
        owner = self._owner
        if isinstance(error, httpx.TimeoutException):
            cause = f"no answer within {owner.patience.timeout_s:g} s"
        else:
            cause = redacted(str(error)) or type(error).__name__
        told = ServiceUnreachableError(
            f"{owner.service} ({owner.base_url}) cannot be reached: {cause}; is it running, and "
            "is there a network?"
        )
        # A question that was perhaps heard must not be asked twice if that does harm.
        unheard = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
        return TryAgainError(told) if self._repeatable or unheard else told

    def _check(self, response: httpx.Response) -> None:
        status = response.status_code
        if 200 <= status < 300:
            return
        owner, headers = self._owner, response.headers
        if 300 <= status < 400:
            target = urlsplit(headers.get("location", ""))
            place = f" to {target.scheme}://{target.netloc}" if target.netloc else ""
            raise ServiceRefusedError(
                f"{owner.service} ({owner.base_url}) sends elsewhere{place}: set its address to "
                "that if you trust it",
                status=status,
            )
        told = _reason(response)
        words = f"{owner.service} answers {_shown(self._path)} with {status}"
        message = f"{words}: {told}" if told else f"{words} {response.reason_phrase}".rstrip()
        if status == 429 or (status == 503 and "retry-after" in headers):
            wait_s = wait_of(headers.get("retry-after"), headers.get("date"))
            raise TryAgainError(ServiceError(message), wait_s)
        if status >= 500 or status == 408:
            error = ServiceRefusedError(message, status=status, told=told)
            raise TryAgainError(error) if self._repeatable else error
        kind = LoginError if status == 401 else ServiceRefusedError
        raise kind(message, status=status, told=told)


class _opened:  # noqa: N801 - used as a function
    """The file to upload, open while one try lasts."""

    def __init__(self, upload: tuple[str, Path] | None):
        self._upload = upload
        self._file: IO[bytes] | None = None

    def __enter__(self) -> dict[str, tuple[str, IO[bytes]]] | None:
        if self._upload is None:
            return None
        field, path = self._upload
        self._file = path.open("rb")
        # The name of a file says more of its owner than a service needs.
        return {field: (f"audio{path.suffix}", self._file)}

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def checked_url(url: str, service: str) -> str:
    """Give a service's address without a slash at its end.

    Raises
    ------
    UsageError
        If it is no http or https URL, or holds a query or a password.
    """
    text = url.strip().rstrip("/")
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(
            f"found {redacted(text)!r} as the address of {service}; expected one such as "
            "https://music.example.org"
        )
    if parts.username or parts.password or parts.query:
        raise UsageError(
            f"the address of {service} must hold no user, password or query: these are set apart "
            "(affetto login asks for them)"
        )
    return text


def _reason(response: httpx.Response) -> str:
    """Find a service's own words for what is wrong, in the shapes in which they come."""
    with suppress(httpx.HTTPError, ValueError):
        raw = b""
        for block in response.iter_bytes():
            raw += block
            if len(raw) > 2**16:
                break
        found = json_module.loads(raw)
        if not isinstance(found, dict):
            return ""
        inner = found.get("error", found)
        if isinstance(inner, dict):
            listed = inner.get("errors")
            if isinstance(listed, list) and listed and isinstance(listed[0], dict):
                inner = listed[0]
            inner = inner.get("message") or inner.get("title") or ""
        return redacted(" ".join(str(inner).split()))[:_TOLD]
    return ""


def _shown(path: str) -> str:
    return "/" + path.lstrip("/")


def _no_deadline() -> float:
    return float("inf")
