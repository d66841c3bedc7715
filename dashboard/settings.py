"""Where things are: the folder of runs, the recordings offered, the scheduler; all from the environment."""

import getpass
import os
from pathlib import Path

from inference.environment import positive

ROOT_VARIABLE = "POSTERIOR_LAB_ROOT"
SCHEDULER_VARIABLE = "POSTERIOR_LAB_SCHEDULER"
DATA_VARIABLE = "POSTERIOR_LAB_DATA"
UPLOAD_VARIABLE = "POSTERIOR_LAB_UPLOAD_MB"
USERS_VARIABLE = "POSTERIOR_LAB_USERS"
HEADER_VARIABLE = "POSTERIOR_LAB_USER_HEADER"
PROXIES_VARIABLE = "POSTERIOR_LAB_TRUSTED_PROXIES"
JOBS_VARIABLE = "POSTERIOR_LAB_JOBS_PER_USER"
QUOTA_VARIABLE = "POSTERIOR_LAB_QUOTA_GB"


def root() -> Path:
    """The folder that holds the runs; `~/.posterior-lab` unless POSTERIOR_LAB_ROOT says otherwise."""
    return Path(os.environ.get(ROOT_VARIABLE) or "~/.posterior-lab").expanduser()


def scheduler() -> str | None:
    """Address of the Dask scheduler to use; None: workers of this machine."""
    return os.environ.get(SCHEDULER_VARIABLE) or None


def data_folders() -> list[Path]:
    """Folders whose recordings are offered: those of POSTERIOR_LAB_DATA, else ./data and ../shared/data.

    Several folders are separated as in PATH; folders that do not exist are left out.
    """
    listed = os.environ.get(DATA_VARIABLE)
    named = listed.split(os.pathsep) if listed else ["data", "../shared/data"]
    folders = [Path(name).expanduser().resolve() for name in named if name.strip()]
    return [folder for folder in folders if folder.is_dir()]


def users_file() -> Path | None:
    """The file of users of a lab server; None: no login, for one person."""
    named = os.environ.get(USERS_VARIABLE)
    return Path(named).expanduser().resolve() if named else None


def user_header() -> str | None:
    """The header in which a reverse proxy names who a request comes from; None: none is believed."""
    return os.environ.get(HEADER_VARIABLE) or None


def trusted_proxies() -> tuple[str, ...]:
    """Addresses or networks from which that proxy connects, parted by commas in the variable."""
    return tuple(filter(None, map(str.strip, os.environ.get(PROXIES_VARIABLE, "").split(","))))


def oauth_variable(name: str) -> str:
    """The environment's name of a setting of OAuth: provider, issuer, claim, allow, redirect, key, secret."""
    return f"POSTERIOR_LAB_OAUTH_{name.upper()}"


def oauth(name: str) -> str:
    """A setting of OAuth; empty: none."""
    return os.environ.get(oauth_variable(name), "").strip()


def account() -> str:
    """Name of the account that this process runs as."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "local"


def upload_limit() -> int:
    """Largest upload in bytes; 200 MB unless POSTERIOR_LAB_UPLOAD_MB says otherwise.

    Raises:
        ValueError: the variable is not a positive number.
    """
    return int(positive(UPLOAD_VARIABLE, 200.0, "megabytes") * 1e6)


def quota() -> int:
    """Bytes that the runs of one user may take; 20 GB unless POSTERIOR_LAB_QUOTA_GB says otherwise.

    Raises:
        ValueError: the variable is not a positive number.
    """
    return int(positive(QUOTA_VARIABLE, 20.0, "gigabytes") * 1e9)


def jobs_per_person() -> int:
    """Unfinished runs that one user may have; 4 unless POSTERIOR_LAB_JOBS_PER_USER says otherwise.

    Raises:
        ValueError: the variable is not a positive number.
    """
    return int(positive(JOBS_VARIABLE, 4.0, "runs"))
