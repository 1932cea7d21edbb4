"""Drivers: one folder per protocol, the same file names in every folder."""
