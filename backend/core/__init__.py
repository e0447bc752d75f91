"""What the web tier and the workers share: jobs, events, the queue, the database."""
