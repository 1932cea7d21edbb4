"""Functions at work on this gateway: the function host, and steps inside the workers."""
