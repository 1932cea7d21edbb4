"""What hub and spoke both agree on: errors, quality, subjects, frames, messages, configuration."""
