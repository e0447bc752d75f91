"""The job contract: states and moves, the registry of types, one file a type."""
