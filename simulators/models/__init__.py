"""One model per file, each ending in one Simulator value."""
