"""One route per file; each has `register(services)`."""
