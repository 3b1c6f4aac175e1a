"""Homes: households as their doors know them, emptied and forgotten when accounts says so."""
