"""The language of accounts: people, their place in the tenant tree, households, members, sessions."""
