"""What may be recorded: budgets of a day, who used most of them, and the last part of the log."""
