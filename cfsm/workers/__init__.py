"""What waits: each worker follows the log, claims tasks of its kind and records what came of them."""
