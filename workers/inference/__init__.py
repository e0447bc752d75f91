"""Which models serve, opened: each pool process has its own sessions, and looks for new champions at each job."""
