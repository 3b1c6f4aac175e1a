"""AutoP: lines, given to many devices at once and kept for each of them."""
