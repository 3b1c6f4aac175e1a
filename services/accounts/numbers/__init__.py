"""By what people are reached and found: SIP numbers, telephone numbers, and the words of a search."""
