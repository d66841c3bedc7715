"""From target bands to the distribution that has them, in a real browser."""

import re

import pytest

pytestmark = pytest.mark.browser


@pytest.mark.long
def test_from_an_emergent_property_to_what_it_is_sensitive_to(visitor):
    visitor.go("/infer?model=linear_dynamics&method=epi")
    visitor.see("property-hint", "effective of")
    visitor.wait()
    visitor.fill("Mean of frequency", "20")
    visitor.see("property-hint", "beyond anything simulated")
    visitor.fill("Mean of frequency", "0.8")
    visitor.see("property-hint", "narrows the support")
    visitor.fill("SD of frequency", "0.1234567")
    visitor.see("plan", "frequency 0.8 ± 0.1235 Hz")
    assert visitor.page.get_by_label("SD of frequency").input_value() == "0.1234567"  # as it was typed
    visitor.fill("Seeds", "1")
    visitor.fill("Most epochs", "2")
    visitor.fill("Steps per epoch", "20")
    visitor.see("plan", re.compile(r"frequency 0\.8 ± .*steps per epoch\s*20", re.DOTALL))
    visitor.press("Run")
    visitor.page.wait_for_url("**/run?id=*")
    visitor.see("run-state", "done", seconds=240)  # a first run compiles
    visitor.open_tab("Convergence")
    visitor.see("convergence-summary", re.compile(r"0 of 1 seeds? met the constraints in 2 epochs"))
    visitor.open_tab("Sensitivity")
    visitor.wait()
    visitor.press("Go to the mode")
    visitor.see("sensitivity-summary", "eigenvalues of the Hessian")
