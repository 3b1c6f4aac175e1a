"""What keeps a service from going on where it must not: a damaged or full log, a lost vault, a spent budget.

Each part says through a probe what an operator is to do.
"""
