"""Why a command cannot go on, in words that a person can act on."""


class ServerFailed(Exception):
    """Something cannot run here; the message says why and what to do."""


class MissingDependency(ServerFailed):
    """It cannot run because something is not installed."""
