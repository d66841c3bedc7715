"""Where things are: the folder of runs, the recordings offered, the scheduler; all from the environment."""

import os
from pathlib import Path

ROOT_VARIABLE = "POSTERIOR_LAB_ROOT"
SCHEDULER_VARIABLE = "POSTERIOR_LAB_SCHEDULER"
DATA_VARIABLE = "POSTERIOR_LAB_DATA"
UPLOAD_VARIABLE = "POSTERIOR_LAB_UPLOAD_MB"


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


def upload_limit() -> int:
    """Largest upload in bytes; 200 MB unless POSTERIOR_LAB_UPLOAD_MB says otherwise.

    Raises:
        ValueError: the variable is not a positive number.
    """
    text = os.environ.get(UPLOAD_VARIABLE) or "200"
    try:
        megabytes = float(text)
    except ValueError:
        megabytes = 0.0
    if not 0 < megabytes < 1e6:
        raise ValueError(f"{UPLOAD_VARIABLE} must be a number of megabytes above 0; got '{text}'.")
    return int(megabytes * 1e6)
