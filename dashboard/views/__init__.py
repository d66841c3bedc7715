"""Views: one per file, each usable alone in a notebook."""
