"""What commands and calls say, and which can never run; nothing is run or looked up."""
