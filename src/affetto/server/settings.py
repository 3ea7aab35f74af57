"""What the server is allowed: addresses, a token, sizes, times."""

import ipaddress
import socket
from dataclasses import dataclass

from affetto.errors import UsageError

LABEL_TRACKS = 10_000
"""Tracks that one call may label."""

_SHORTEST_TOKEN = 16


@dataclass(frozen=True, slots=True)
class Settings:
    """How the server is to behave.

    Attributes
    ----------
    host : str
        Address it listens at. Beyond this machine a token is needed.
    token : str or None
        What clients have to know; None where everybody on this machine may ask.
    hosts : tuple of str
        Further names under which it may be asked for.
    upload_mb : int
        Largest file that may be sent for analysis, MiB.
    upload_timeout_s, body_timeout_s : float
        Longest time a file, and any other body, may take to arrive.
    analyse_timeout_s : float
        Longest time the analysis of one file may take.
    analyse_memory_mb : int
        Memory that the process which analyses may hold.
    analyse_jobs : int
        Files analysed at the same time.
    readers : int
        Threads that ask the catalogue.

    Raises
    ------
    UsageError
        If a number is not above 0, or the token is too short or missing where it is needed.
    """

    host: str = "127.0.0.1"
    token: str | None = None
    hosts: tuple[str, ...] = ()
    upload_mb: int = 200
    upload_timeout_s: float = 600.0
    body_timeout_s: float = 20.0
    analyse_timeout_s: float = 120.0
    analyse_memory_mb: int = 2048
    analyse_jobs: int = 2
    readers: int = 4

    def __post_init__(self) -> None:
        for name in ("upload_mb", "upload_timeout_s", "body_timeout_s", "analyse_timeout_s",
                     "analyse_memory_mb", "analyse_jobs", "readers"):  # fmt: skip
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} is {getattr(self, name)}; expected more than 0")
        if self.token is None and not is_loopback(self.host):
            raise UsageError(
                f"{self.host} can be reached from other machines; give a token that clients "
                "have to know"
            )
        if self.token is not None and (
            len(self.token) < _SHORTEST_TOKEN or not self.token.isascii() or " " in self.token
        ):
            raise UsageError(
                f"the token has {len(self.token)} characters; expected at least "
                f"{_SHORTEST_TOKEN}, ASCII, without spaces"
            )

    def may_be_called(self, name: str) -> bool:
        """Whether a client may ask for the server under this name.

        A page of a stranger can point a name of its own at this machine (DNS rebinding), but
        neither ``localhost`` nor a number; so other names must have been given.

        Parameters
        ----------
        name : str
            Of a Host header, in lower case, without port.
        """
        own = {self.host.lower(), *(one.lower() for one in self.hosts)}
        if name == "localhost" or name in own or is_loopback(name):
            return True
        if is_loopback(self.host):
            return False
        machine = socket.gethostname().lower()
        return _is_number(name) or name in {machine, f"{machine}.local"}


def is_loopback(name: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
