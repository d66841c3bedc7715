"""Making an example of a finished run: `python -m dashboard.shipping RUN FOLDER`, before a release."""

import shutil
import sys
from pathlib import Path

from dashboard import settings
from inference.archive import PRIVATE
from inference.files import write_json
from inference.runs import Run, RunStore


def ship(run: Run, folder: Path) -> Path:
    """A copy of a finished run without its recording, simulations and checkpoints.

    Args:
        run: done.
        folder: where examples are; the copy is a folder named as the run.

    Raises:
        ValueError: the run is not done, or the copy exists.
    """
    result, target = run.result(), folder / run.id
    result.without_recording().save(target)
    record = {name: value for name, value in run.record.items() if name not in PRIVATE}
    write_json(target / "run.json", record | {"owner": "example"})
    shutil.copyfile(run.folder / "progress.jsonl", target / "progress.jsonl")
    return target


if __name__ == "__main__":
    ship(RunStore(settings.root()).get(sys.argv[1]), Path(sys.argv[2]))
