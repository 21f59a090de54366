"""The reading room: a local server, its database and jobs, and the page it serves."""
