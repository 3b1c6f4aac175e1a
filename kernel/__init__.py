"""The machinery of an event-sourced service; it knows no domain."""

import kernel.runtime.wait_for  # noqa: F401 (before anything waits)
