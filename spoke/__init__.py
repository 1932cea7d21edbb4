"""The gateway beside the machines: reads PLCs and keeps all of it in a local stream."""
