"""Intercoms of households, from being bound to a MAC to being deleted."""
