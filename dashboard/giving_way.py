"""Loaded by a worker when it starts: it gives way to the web server of its machine, for which people wait."""

import os

NICENESS = 10

os.nice(max(NICENESS - os.nice(0), 0))  # of all threads and processes that are still to come
