"""From a command to events: the pure words that aggregates are written in, and what decides and records by them."""
