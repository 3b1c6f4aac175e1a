"""The machinery of an event-sourced service; it knows no domain."""

from kernel.runtime import patches

patches.apply()
