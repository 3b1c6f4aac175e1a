"""Households with their families: what may be said of them, how they are listed, how they end."""
