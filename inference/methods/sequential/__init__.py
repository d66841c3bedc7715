"""Methods that simulate in rounds: what the rounds share, and how the variants of SNPE differ."""
