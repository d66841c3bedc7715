"""The command `posterior-lab`, whose server also submits the runs named in files, as its button does.

An empty file <root>/inlet/ID asks the server to submit run ID; it is removed when that is done.
"""

import os
import threading
import time
from contextlib import suppress

from dashboard import cli, settings
from dashboard.jobs import get_jobs
from inference.runs import RunStore

FOLDER = "inlet"
SESSION_VARIABLE = "POSTERIOR_LAB_TEST_SESSION_MS"  # how long a session outlives its closed tab, for tests


def listen():
    while True:
        for file in (settings.root() / FOLDER).glob("*"):
            with suppress(ValueError):  # it is being performed, or done
                get_jobs().submit(RunStore(settings.root()).get(file.name))
            file.unlink()
        time.sleep(0.1)


def forget_soon():
    from dashboard import server

    server.SESSION_MILLISECONDS = int(os.environ[SESSION_VARIABLE])


if __name__ == "__main__":  # and not in the workers that it starts
    if SESSION_VARIABLE in os.environ:
        forget_soon()
    threading.Thread(target=listen, daemon=True).start()
    cli.main()
