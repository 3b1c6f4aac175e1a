"""Whose things are: households and staff, as accounts tells of them."""
