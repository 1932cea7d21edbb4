"""How Spindle is deployed: one machine, Docker, and the nats-servers' configuration."""
