"""One connection: its phases, what is queued out, what came in, its meter."""
