"""Who the user is at a service: settings and secrets; the one module that knows the keyring.

Each is looked for in the environment, then in what ``affetto login`` kept: secrets in the
system's keyring, or, where there is none, tokens in a file that only its owner may read. A
password is never written to a file.
"""

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import platformdirs

from affetto.errors import ClientMissingError, OutputError, ServiceError

try:
    import keyring
    from keyring.errors import KeyringError
except ImportError as exc:
    _MISSING = (
        "logging in to services needs packages that are not installed: "
        'pip install "affetto[sources]"'
    )
    raise ClientMissingError(_MISSING) from exc

# What a keyring that is locked, broken, absent, or not the one the environment names, may raise.
_NO_KEYRING = (KeyringError, RuntimeError, OSError, ImportError, AttributeError)

if sys.platform != "win32":
    import fcntl


class Account:
    """What is known of the user at one service.

    Parameters
    ----------
    service : str
        ``"spotify"``, ``"subsonic"`` or ``"jellyfin"``: variables of the environment begin with
        it in capitals, as in ``SUBSONIC_PASSWORD``.
    folder : path, optional
        Where what is kept stands. Default: the user's configuration folder.
    """

    def __init__(self, service: str, folder: Path | None = None):
        self.service = service
        self._folder = folder or default_folder()
        self.path = self._folder / f"{service}.json"

    def setting(self, name: str) -> str | None:
        """Find a setting that is no secret: an address, a user's name, an app's id.

        Returns
        -------
        str or None
            Without blanks at its ends; None where it is nowhere, or empty.
        """
        told = os.environ.get(self.variable(name), "") or self.kept().get(name, "")
        return str(told).strip() or None

    def secret(self, name: str) -> str | None:
        """Find a password or a key: in the environment, then in the keyring."""
        told = os.environ.get(self.variable(name), "")
        if told:
            return told
        with contextlib.suppress(*_NO_KEYRING):
            return keyring.get_password(self._keyring_name(), name) or None
        return None

    def keep_secret(self, name: str, value: str) -> bool:
        """Put a secret into the system's keyring; False where there is none to put it into."""
        try:
            keyring.set_password(self._keyring_name(), name, value)
            return keyring.get_password(self._keyring_name(), name) == value
        except _NO_KEYRING:
            return False

    def kept(self) -> Mapping[str, Any]:
        """Read what ``affetto login`` kept in the owner's file; empty where there is none.

        Raises
        ------
        ServiceError
            If the file cannot be read, is damaged, or may be read by others.
        """
        try:
            with self.path.open("rb") as file:
                if os.name != "nt" and os.fstat(file.fileno()).st_mode & 0o077:
                    raise ServiceError(
                        f"{self.path} may be read by others than its owner, and holds a login: "
                        f"chmod 600 it, or log in anew: affetto login {self.service}"
                    )
                found = json.load(file)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as exc:
            raise ServiceError(
                f"{self.path} cannot be read ({exc}); log in anew: affetto login {self.service}"
            ) from exc
        return found if isinstance(found, dict) else {}

    def keep(self, values: Mapping[str, Any]) -> None:
        """Keep settings and tokens, beside those kept already, for their owner's eyes only.

        Parameters
        ----------
        values : mapping
            None takes a name away.

        Raises
        ------
        OutputError
            If the file cannot be written; what was there before stays.
        """
        try:
            before = self.kept()
        except ServiceError:
            before = {}  # damaged: made anew
        merged = {**before, **values}
        text = json.dumps({name: one for name, one in merged.items() if one is not None}, indent=1)
        aside: Path | None = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # mkstemp makes it readable by its owner alone from the first moment on.
            handle, name = tempfile.mkstemp(dir=self._folder, prefix=f".{self.service}-")
            aside = Path(name)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self.path)
        except OSError as exc:
            raise OutputError(
                f"the login cannot be kept in {self.path}: {exc.strerror or exc}"
            ) from exc
        finally:
            # It holds tokens: gone however this ends, by Ctrl-C too.
            if aside is not None:
                aside.unlink(missing_ok=True)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes out that ask for the same; without effect on Windows."""
        with contextlib.ExitStack() as stack:
            if sys.platform != "win32":
                # Of the folder itself: no file is left behind. Not every disk knows locks.
                with contextlib.suppress(OSError):
                    handle = os.open(self._folder, os.O_RDONLY)
                    stack.callback(os.close, handle)
                    fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def mend(self) -> None:
        """Take away what is kept where it cannot be used, before a login that replaces it.

        Raises
        ------
        OutputError
            If that cannot be done.
        """
        try:
            self.kept()
        except ServiceError as exc:
            try:
                self.path.unlink(missing_ok=True)
            except OSError:
                raise OutputError(str(exc)) from exc

    def forget(self) -> bool:
        """Take away all that is kept; say whether there was anything.

        Raises
        ------
        OutputError
            If the file cannot be taken away; the keyring's secrets are gone then.
        """
        there = False
        for name in ("password", "client_secret", "api_key"):
            with contextlib.suppress(*_NO_KEYRING):
                if keyring.get_password(self._keyring_name(), name):
                    keyring.delete_password(self._keyring_name(), name)
                    there = True
        try:
            self.path.unlink()
        except FileNotFoundError:
            return there
        except OSError as exc:
            raise OutputError(
                f"{self.path} cannot be taken away ({exc.strerror or exc}); it may hold a login: "
                "delete it by hand"
            ) from exc
        return True

    def variable(self, name: str) -> str:
        """Name the variable of the environment that holds a setting or secret."""
        return f"{self.service}_{name}".upper()

    def _keyring_name(self) -> str:
        return f"affetto {self.service}"


def default_folder() -> Path:
    """Where logins are kept, in the user's configuration folder."""
    return Path(platformdirs.user_config_dir("affetto", appauthor=False)) / "accounts"
