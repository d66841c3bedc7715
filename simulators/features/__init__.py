"""Summary features of recordings, of whole series and of series that arrive in blocks."""
