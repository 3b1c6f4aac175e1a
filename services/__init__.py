"""The services of SmartPlus: each is a process of its own."""

from kernel.runtime.collecting import look_seldom

look_seldom()  # before the imports, which keep nearly all that they make: a sixth of a start was looking through it
