"""The log: what it promises (`promise`), in memory and on NATS JetStream, and how damage of it is seen."""
