"""Routes about what stands in homes: intercoms, cameras, doors, AutoP."""
