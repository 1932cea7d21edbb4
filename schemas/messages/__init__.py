"""Messages between hub and spoke besides telemetry: msgpack maps that tolerate unknown keys."""
