"""From an address to a Link that carries bytes: listening, connecting, plain TCP past asyncio, asyncio for the rest."""
