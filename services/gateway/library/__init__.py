"""Routes of the MAC library, and lists of MACs as files."""
