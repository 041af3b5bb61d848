"""The engine: the only room where the client and the models meet."""
