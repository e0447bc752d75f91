"""One module a system. They import nothing of each other's, since some run in an environment of their own."""
