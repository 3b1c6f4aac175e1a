"""Routes about people: sessions, households, partners, and what an installer sets for itself."""
