"""What Markov chain methods share: the target, how chains run in blocks, and where they start."""
