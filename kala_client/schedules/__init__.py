"""What a schedule says, for client and server alike."""
