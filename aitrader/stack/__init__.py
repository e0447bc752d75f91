"""The whole platform from one command: real servers, the product's processes, and a supervisor over them."""
