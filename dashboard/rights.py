"""Who may see a run, and who may change it: decided here and nowhere else.

Without logins there is one person, who may do everything. With them (`dashboard.logins`) a run belongs to who
made it and is private, for the lab, or for who has its link; only its owner may stop, resume, share, note or
delete it.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import panel as pn

from dashboard import logins, settings
from dashboard.login import COOKIE, person_of_cookie
from dashboard.notes import Notes
from dashboard.people import cookie_secret
from inference import trash, turns
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
    """Who the current session belongs to; None without logins: the one person, who may do everything.

    Raises:
        NotAllowed: the login has ended.
    """
    known = logins.known()
    if known is None:
        return None
    name = person_of_cookie(known, cookie_secret(settings.root()), _cookie())
    if name is None:
        raise NotAllowed("Your login has ended; load the page again to log in.")
    return name


def may_log_out() -> bool:
    """Whether this server can end a login: not one of a proxy."""
    return settings.user_header() is None


def store() -> RunStore:
    """The runs, as far as they are the current person's business."""
    return _store_at(settings.root())


def deleted_runs() -> RunStore:
    """The runs in the trash, as far as they are the current person's business."""
    return _store_at(trash.trash_root(settings.root()))


def may_change(name: str | None, run: Run) -> bool:
    """Whether a person may stop, resume, share, note or delete a run."""
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


def set_priority(run: Run, priority: str) -> None:
    """Change how soon a queued run is performed.

    Raises:
        NotAllowed: it is not the current person's.
        ValueError: there is no such priority, or the run is not queued.
    """
    check_change(run)
    turns.set_priority(run, priority)


def annotate(run: Run, notes: Notes) -> None:
    """Write a note and tags on a run.

    Raises:
        NotAllowed: it is not the current person's.
    """
    check_change(run)
    run.update(**notes.to_json())


def delete(run: Run) -> None:
    """Move a run into the trash.

    Raises:
        NotAllowed: it is not the current person's, or ships with the program.
        ValueError: it is queued or being performed.
    """
    check_change(run)
    if run.owner == EXAMPLE:
        raise NotAllowed(f"Run {run.id} ships with the program; it would come back.")
    trash.delete(run)


def my_deleted_runs() -> list[Run]:
    """What the current person has deleted, newest first."""
    name = person()
    mine = [run for run in deleted_runs().list() if may_change(name, run)]
    return sorted(mine, key=trash.deleted_at, reverse=True)


def remove(run_id: str) -> None:
    """Remove a run of the trash for good.

    Raises:
        NotAllowed: it is not the current person's.
        ValueError: it is not in the trash.
    """
    run = deleted_runs().get(run_id)
    check_change(run)
    trash.remove(run)


def restore(run_id: str) -> Run:
    """Move a run of the trash back to the others.

    Raises:
        NotAllowed: it is not the current person's.
        ValueError: it is not in the trash.
    """
    run = deleted_runs().get(run_id)
    check_change(run)
    return trash.restore(run)


def bringing() -> Callable[[io.BufferedIOBase], Run]:
    """What makes a new run of the current person from the .zip of a run folder, also in a thread.

    It raises ValueError, with one sentence, where something is wrong with the file or there is no room.

    Raises:
        NotAllowed: nobody is logged in.
    """
    from inference.archive import unpack  # here: rights alone need no results

    runs = store()
    check_room = runs.check_room if isinstance(runs, PersonalStore) else lambda num_bytes: None
    return partial(
        unpack, runs=runs.folder, owner=person() or "local", most_bytes=settings.upload_limit(),
        check_room=check_room,
    )  # fmt: skip


def check_see(run: Run) -> None:
    """Refuse unless the current person may see the run, and with it take along what is in it.

    Raises:
        NotAllowed: nobody is logged in.
        ValueError: there is no such run for them.
    """
    store().get(run.id)


def _cookie() -> str | None:
    """The login of the current session, as it came."""
    return pn.state.cookies.get(COOKIE)


def _store_at(root: Path) -> RunStore:
    name = person()
    return RunStore(root) if name is None else PersonalStore(root, name)


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
        num_active = sum(run.state in ACTIVE for run in self.mine())
        if num_active >= (most := settings.jobs_per_person()):
            raise NotAllowed(
                f"You have {num_active} unfinished runs, and {most} is the most; wait, or stop one."
            )
        self.check_room()
        return super().create(request, self.person)

    def mine(self) -> list[Run]:
        """The runs that belong to this person."""
        return [run for run in self.list() if run.owner == self.person]

    def check_room(self, num_bytes: int = 0) -> None:
        """Refuse unless there is room for more; what they have deleted makes room, the oldest first.

        Args:
            num_bytes: that are to be added.

        Raises:
            NotAllowed: their runs take too much.
        """
        used, quota = sum(files_size(run.folder) for run in self.mine()), settings.quota()
        if used + num_bytes >= quota:
            taken = f"{used / 1e9:.1f} GB of your {quota / 1e9:.1f} GB"
            raise NotAllowed(
                f"Your runs take {taken}; delete some, or ask whoever keeps this server for more room."
            )
        deleted = PersonalStore(trash.trash_root(self.root), self.person).mine()
        unused = quota - used - num_bytes - sum(files_size(run.folder) for run in deleted)
        trash.make_room(deleted, -unused)

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
