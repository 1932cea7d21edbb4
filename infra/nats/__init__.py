"""Configuration of the nats-servers at hub and spokes."""
