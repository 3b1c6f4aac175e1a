"""The language of devices: the MAC library, intercoms, cameras, doors, commands, provisioning.

Homes are the households of accounts, seen from their doors: `user_id` is the same id.
"""
