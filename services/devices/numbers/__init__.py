"""Numbers by which devices are called."""
