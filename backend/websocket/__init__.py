"""`/ws`: one conversation a connection. What it hears comes from the broadcaster."""
