"""Which models there are, and what each can from which firmware on."""
