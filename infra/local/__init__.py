"""Everything on one machine: the embedded default that `make run` starts."""
