"""How a Python class is read and described to the engine: members, types, help. Nothing here calls the engine."""
