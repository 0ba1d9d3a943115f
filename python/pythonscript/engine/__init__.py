"""The engine's side: what is generated from its API, and the life of the bridge beside the engine's."""
