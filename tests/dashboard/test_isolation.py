"""Reading what was uploaded: a file that hangs or kills its reader does neither to us."""

import os
import time

import pytest

from dashboard.isolation import in_own_process

HELD = bytearray()


def complain(words):
    raise ValueError(words)


def hold_half_a_gigabyte():
    HELD.extend(bytes(5 * 10**8))
    time.sleep(1.1)  # loky weighs its process once a second
    return os.getpid()


def test_results_and_complaints_come_through():
    assert in_own_process(len, "abc") == 3
    with pytest.raises(ValueError, match="not a recording"):
        in_own_process(complain, "not a recording")


@pytest.mark.long
def test_a_file_that_needs_more_than_the_first_is_no_leak():
    in_own_process(len, "small")
    assert in_own_process(hold_half_a_gigabyte) == in_own_process(os.getpid)


@pytest.mark.long
@pytest.mark.parametrize(
    ("function", "words"), [(time.sleep, "took longer"), (os._exit, "ended the process")]
)
def test_a_reader_that_hangs_or_dies_is_one_sentence_and_the_next_one_works(function, words):
    in_own_process(len, "warm")
    with pytest.raises(ValueError, match=words):
        in_own_process(function, 60, seconds=1.0)
    assert in_own_process(len, "abcd") == 4
