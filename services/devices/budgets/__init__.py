"""What may be recorded: who used most of a day's budget, and what is recorded though one is used up."""
