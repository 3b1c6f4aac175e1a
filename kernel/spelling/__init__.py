"""What people write, in the one form that machines compare: host names, telephone numbers, words of a search."""
