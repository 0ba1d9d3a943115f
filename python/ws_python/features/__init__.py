"""What a server or client can do beside carrying messages: one file a capability, with its settings and its hooks."""
