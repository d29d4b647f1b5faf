"""What goes over the wire of the FastAPI routes, one module per resource."""
