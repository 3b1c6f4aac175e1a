"""Where NATS is, how a process is connected to it, and the streams and consumers that are made there."""
