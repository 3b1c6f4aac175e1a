"""Requests as they arrive and answers as they leave, whatever they are about."""
