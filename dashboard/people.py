"""The people of a lab server: a file of names and password hashes, and nothing else.

    {"format": 1, "users": {"ada": {"hash": "$argon2id$...", "since": "9f86d081"}}}

`since` changes with the password; a login carries it, so that a new password, or a removal, ends all logins.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from inference.files import exclusive, read_json, write_json

FORMAT = 1
SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 500  # characters; a longer one would only cost time
LOCK_SECONDS = 10.0
NOT_PEOPLE = ("local", "example")  # owners of runs that were made without a login, and of shipped ones
LONGEST_NAME = 64  # characters; an e-mail address may be a name
_NAME = re.compile(rf"[a-z0-9][a-z0-9._+@-]{{0,{LONGEST_NAME - 1}}}")


@dataclass(frozen=True)
class People:
    """The people in a file, which is read whenever it is asked: changes count at once."""

    file: Path

    def check(self) -> None:
        """Whether a server may rely on the file.

        Raises:
            ValueError: it is missing, can be read by others, is damaged or has nobody in it.
        """
        make = f"make it with: posterior-lab users add {self.file} NAME"
        if not self.file.is_file():
            raise ValueError(f"There is no file of users '{self.file}'; {make}")
        if stat.S_IMODE(self.file.stat().st_mode) & 0o077:
            raise ValueError(f"Others on this machine can open '{self.file}'; run: chmod 600 {self.file}")
        if not self._users():
            raise ValueError(f"There is nobody in '{self.file}'; {make}")

    @property
    def names(self) -> list[str]:
        """Of everybody, in alphabetical order."""
        return sorted(self._users())

    def since(self, name: str) -> str | None:
        """The mark of somebody's present password; None where there is no such person."""
        return self._users().get(name, {}).get("since")

    def verify(self, name: str, password: str) -> bool:
        """Whether somebody has this password; takes as long for names that do not exist."""
        known = self._users().get(name, {}).get("hash")
        if len(password) > LONGEST_PASSWORD:
            return False
        try:
            return _hasher().verify(known or _nobody(), password) and known is not None
        except (VerificationError, InvalidHashError):
            return False

    def add(self, name: str, password: str) -> None:
        """Add a person; makes the file where there is none.

        Raises:
            ValueError: the name is taken or unusable, or the password too short or long.
        """
        check_name(name)
        if name in self._users():
            raise ValueError(
                f"There is a user {name} already; change the password with: posterior-lab users passwd"
            )
        self._change(name, _entry(password))

    def set_password(self, name: str, password: str) -> None:
        """Change a password, which ends the person's logins.

        Raises:
            ValueError: there is no such person, or the password is too short or long.
        """
        self._check_known(name)
        self._change(name, _entry(password))

    def remove(self, name: str) -> None:
        """Remove a person, which ends their logins; their runs stay.

        Raises:
            ValueError: there is no such person.
        """
        self._check_known(name)
        self._change(name, None)

    def _check_known(self, name: str) -> None:
        if name not in self._users():
            known = ", ".join(self.names) or "nobody"
            raise ValueError(f"There is no user {name} in '{self.file}'; there is {known}.")

    def _users(self) -> dict[str, dict[str, str]]:
        if not self.file.exists():
            return {}
        value = read_json(self.file)
        users = value.get("users")
        if value.get("format") != FORMAT or not isinstance(users, dict):
            raise ValueError(f"'{self.file}' is not a file of users of format {FORMAT}.")
        return users

    def _change(self, name: str, entry: dict[str, str] | None) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(self.file.with_name(f".{self.file.name}.lock"), timeout=LOCK_SECONDS):
            users: dict[str, Any] = {other: kept for other, kept in self._users().items() if other != name}
            write_private(self.file, {"format": FORMAT, "users": users | ({name: entry} if entry else {})})


def is_name(name: str) -> bool:
    """Whether that can be somebody's name."""
    return bool(_NAME.fullmatch(name)) and name not in NOT_PEOPLE


def as_name(text: str) -> str | None:
    """The name that others spell so, capital letters as small ones; None where it can be no name."""
    name = text.lower() if text.isascii() else ""  # a foreign letter may become one of ours
    return name if is_name(name) else None


def check_name(name: str) -> None:
    """Refuse what cannot be somebody's name.

    Raises:
        ValueError: with what can.
    """
    if not is_name(name):
        raise ValueError(
            f"'{name}' cannot be a name: take up to {LONGEST_NAME} of a-z, 0-9, '.', '_', '-', '+' and '@', "
            f"a letter or digit first, and not {' or '.join(NOT_PEOPLE)}."
        )


def write_private(file: Path, value: dict[str, Any]) -> None:
    """Write JSON that only this user of the machine may read, at no moment anybody else."""
    before = os.umask(0o077)
    try:
        write_json(file, value)
    finally:
        os.umask(before)


def cookie_secret(root: Path) -> str:
    """What signs the logins; kept in the folder of runs, so that they outlive a restart.

    Raises:
        ValueError: others can read it.
    """
    file = root / "secret.json"
    if not file.exists():
        root.mkdir(parents=True, exist_ok=True)
        with exclusive(root / ".secret.lock", timeout=LOCK_SECONDS):
            if not file.exists():  # nobody was quicker
                write_private(file, {"secret": secrets.token_hex(32)})
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise ValueError(
            f"Others on this machine can open '{file}'; remove it: all will have to log in again."
        )
    return read_json(file)["secret"]


def _entry(password: str) -> dict[str, str]:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise ValueError(
            f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; got {len(password)}."
        )
    return {"hash": _hasher().hash(password), "since": secrets.token_hex(8)}


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobody() -> str:
    """A hash that no password has, to be compared with where a name does not exist."""
    return _hasher().hash(secrets.token_hex(16))
