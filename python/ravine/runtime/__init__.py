"""The runtime: threads and configuration."""
