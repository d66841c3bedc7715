"""Parts of EPI."""
