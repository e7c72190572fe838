"""What a user hands in: checks of single arguments, arrays, sparse rows, statistics of columns."""
