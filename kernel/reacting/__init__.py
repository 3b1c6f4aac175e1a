"""What follows of events and of time: reactions that read a log and issue commands, and timers that fire."""
