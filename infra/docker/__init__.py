"""Container images, the compose file, and the demonstration plant inside it."""
