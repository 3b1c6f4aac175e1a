"""The MAC library: MACs one by one, lists of them, and how many an installer may hold."""
