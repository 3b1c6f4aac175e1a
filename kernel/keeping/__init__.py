"""The database of a process, and the keys without which what is kept there and in the log cannot be read.

Keys are wrapped, rotated and destroyed here.
"""
