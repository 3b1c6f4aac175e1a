"""Read models: documents folded from events, each event exactly once, built anew beside the live ones, and listed."""
