"""What processes say to each other over core NATS: commands and queries, who acts, who is connected, how one is."""
