"""The garbage collector, told what kind of process this is.

A service holds some hundred thousand objects that live as long as it does, and each event makes some hundred that die
at once, by reference count. As it comes, the collector looks through all of them every few hundred events: a fifth of
the time of an import.
"""

import gc

_NEW_OBJECTS = 50_000
_YOUNG_ROUNDS = 20
_OLD_ROUNDS = 50


def look_seldom() -> None:
    """Look for cycles seldom from now on."""
    gc.set_threshold(_NEW_OBJECTS, _YOUNG_ROUNDS, _OLD_ROUNDS)


def collect_seldom() -> None:
    """Look for cycles seldom, and never again in what stands now. Call it once, when everything is imported."""
    gc.collect()
    gc.freeze()
    look_seldom()
