"""The plant's own functions: SDK and built-ins. The package keeps the place; its content comes."""
