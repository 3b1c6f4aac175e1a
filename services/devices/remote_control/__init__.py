"""Remote control: an installer at a device's own page, for fifteen minutes."""
