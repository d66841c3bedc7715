"""Somebody who has never been here: from the home page to a posterior that is explained, in three steps."""

import re

import pytest

from tests.browser.test_accessibility import check_both_themes

pytestmark = pytest.mark.browser


@pytest.mark.long
def test_a_first_run_ends_with_a_posterior(new_server, visitors):
    visitor = visitors(new_server)
    visitor.go("/home")
    visitor.page.get_by_test_id("first").press("Enter")
    visitor.page.wait_for_url("**/first*")
    visitor.see("first-explained", "parameters that nobody is shown")
    check_both_themes(visitor, "first")
    visitor.button("Run").press("Enter")
    visitor.page.wait_for_url("**/run?id=*guide=yes*")
    visitor.see("guide", re.compile("Simulating.*Training.*Checking", re.DOTALL))
    visitor.see("run-state", "done", seconds=240)  # a first run compiles
    visitor.see("guide", re.compile(r"The posterior.*The truth.*theta\[0\] = .*The verdict", re.DOTALL))
    visitor.see("mosaic-summary", "10 000 draws")
    visitor.see("verdict", re.compile("good|caution|bad"))
    check_both_themes(visitor, "run with the guide")
