"""Third-party cameras of households with the premium plan."""
