"""The command `posterior-lab`, whose server also submits the runs named in files, as its button does.

An empty file <root>/inlet/ID asks the server to submit run ID; it is removed when that is done.
"""

import threading
import time
from contextlib import suppress

from dashboard import cli, settings
from dashboard.jobs import get_jobs
from inference.runs import RunStore

FOLDER = "inlet"


def listen():
    while True:
        for file in (settings.root() / FOLDER).glob("*"):
            with suppress(ValueError):  # it is being performed, or done
                get_jobs().submit(RunStore(settings.root()).get(file.name))
            file.unlink()
        time.sleep(0.1)


if __name__ == "__main__":  # and not in the workers that it starts
    threading.Thread(target=listen, daemon=True).start()
    cli.main()
