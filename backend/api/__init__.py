"""HTTP: one router a resource. Requests become use cases, answers become JSON; nothing is decided here."""
