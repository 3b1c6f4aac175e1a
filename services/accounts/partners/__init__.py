"""Distributors, installers and property managers: who makes whom, and who may switch into whose account."""
