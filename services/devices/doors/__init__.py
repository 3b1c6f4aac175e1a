"""Doors: who gets in by what, and what happened there."""
