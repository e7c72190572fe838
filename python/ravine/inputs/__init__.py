"""User inputs: checks of arguments, arrays, sparse rows, statistics of columns."""
