"""Games of several processes over the multiplayer of our nodes and of the engine's own peer."""
