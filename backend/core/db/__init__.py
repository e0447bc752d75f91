"""The database: tables, the statements on them, and sessions. SQL stands nowhere else."""
