"""Who may see a run, and who may change it: decided here and nowhere else.

Without a file of users there is one person, who may do everything. With one, a run belongs to who made it and
is private, for the lab, or for who has its link; only its owner may stop, resume or share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import panel as pn

from dashboard import settings
from dashboard.login import COOKIE, person_of_cookie
from dashboard.people import People, cookie_secret
from inference.files import files_size
from inference.requests import Request
from inference.runfolder import read_record
from inference.runs import ACTIVE, Run, RunStore

Sharing = Literal["private", "lab", "link"]
SHARINGS: tuple[str, ...] = get_args(Sharing)
EXAMPLE = "example"  # owner of the runs that ship with the program: everybody's


class NotAllowed(ValueError):
    """Somebody may not do what they asked for; the sentence is for them."""


def person() -> str | None:
    """Who the current session belongs to; None on a server without users, whose one person may do everything.

    Raises:
        NotAllowed: the login has ended.
    """
    file = settings.users_file()
    if file is None:
        return None
    cookie = pn.state.cookies.get(COOKIE)
    name = person_of_cookie(People(file), cookie_secret(settings.root()), cookie)
    if name is None:
        raise NotAllowed("Your login has ended; load the page again to log in.")
    return name


def store() -> RunStore:
    """The runs, as far as they are the current person's business."""
    name = person()
    return RunStore(settings.root()) if name is None else PersonalStore(settings.root(), name)


def may_change(name: str | None, run: Run) -> bool:
    """Whether a person may stop, resume or share a run."""
    return name is None or run.owner == name


def check_change(run: Run) -> None:
    """Refuse unless the current person may change the run.

    Raises:
        NotAllowed: it is not theirs.
    """
    if not may_change(person(), run):
        raise NotAllowed(f"Run {run.id} belongs to {run.owner}; only they may do that.")


def sharing_of(run: Run) -> str:
    """How a run is shared."""
    shared = run.record.get("sharing", "private")
    return shared if shared in SHARINGS else "private"


def share(run: Run, sharing: str) -> None:
    """Share a run with nobody, with the lab, or with who has its link.

    Raises:
        NotAllowed: it is not the current person's.
        ValueError: there is no such way to share.
    """
    check_change(run)
    if sharing not in SHARINGS:
        raise ValueError(f"A run is {', '.join(SHARINGS)}; got '{sharing}'.")
    run.update(sharing=sharing)


@dataclass(frozen=True)
class PersonalStore(RunStore):
    """The runs that one person may see; what they make is theirs.

    Attributes:
        person: name.
    """

    person: str

    def create(self, request: Request, owner: str = "") -> Run:
        """A new queued run of this person, whoever is said to own it.

        Raises:
            ValueError: a recording does not exist, or they have as many unfinished runs, or as much on the
                disk, as one person may.
        """
        mine = [run for run in self.list() if run.owner == self.person]
        num_active = sum(run.state in ACTIVE for run in mine)
        if num_active >= (most := settings.jobs_per_person()):
            raise NotAllowed(
                f"You have {num_active} unfinished runs, and {most} is the most; wait, or stop one."
            )
        used, quota = sum(files_size(run.folder) for run in mine), settings.quota()
        if used >= quota:
            taken = f"{used / 1e9:.1f} GB of your {quota / 1e9:.1f} GB"
            raise NotAllowed(f"Your runs take {taken}; ask whoever keeps this server for more room.")
        return super().create(request, self.person)

    def get(self, run_id: str) -> Run:
        """The run of that id.

        Raises:
            ValueError: it is no run id, or there is none, or this person may not see it: the words are the
                same, so that nobody learns which.
        """
        folder = self.folder / run_id
        if self._is_id(run_id) and folder.is_dir() and not self._may_see(folder, with_link=True):
            raise ValueError(self._unknown(run_id))
        return super().get(run_id)

    def _folders(self) -> list[Path]:
        return [folder for folder in super()._folders() if self._may_see(folder)]

    def _may_see(self, folder: Path, *, with_link: bool = False) -> bool:
        try:
            record = read_record(folder)
        except (ValueError, OSError):
            return False  # a folder that cannot be read is nobody's
        owner, sharing = record.get("owner"), record.get("sharing")
        return owner in (self.person, EXAMPLE) or sharing == "lab" or (with_link and sharing == "link")
