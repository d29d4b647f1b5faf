"""The front door: HTTP in, typed verbs of the lower floors out. The public face is `api.app.create_app`."""
