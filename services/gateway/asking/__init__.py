"""How a route asks a service: parameters, bodies, positions, versions, and the answer passed back."""
