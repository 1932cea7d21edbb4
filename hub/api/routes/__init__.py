"""One group of routes per file."""
