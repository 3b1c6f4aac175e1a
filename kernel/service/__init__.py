"""A service: declared as one value, wired of the other rooms, and run."""
