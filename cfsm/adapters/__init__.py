"""What touches the world: the event store, blobs, Freqtrade, Ollama, systemd, the machine. Fills the ports."""
