"""What importing ravine does: load the compiled module, and offer all else when it is asked for."""
