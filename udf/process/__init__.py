"""Packages of functions: their bundles, environments, and the process that runs one."""
