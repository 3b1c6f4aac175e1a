"""What a process is told from outside (its settings), and what it says of itself: logs, traces, metrics, health."""
