"""The parts of HNPE: what its rounds train on, and what is found out about the observations."""
