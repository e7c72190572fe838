"""What ravine runs on: threads and configuration."""
