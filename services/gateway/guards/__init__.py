"""Who holds a request, and how often somebody may try."""
