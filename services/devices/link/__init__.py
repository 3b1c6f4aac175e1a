"""The link to devices: who gets in, who is there, what they say and what they are told."""
