"""The weather at homes, on the monitors that can show it."""
