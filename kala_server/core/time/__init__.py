"""When something is due, in closed form; instants are arguments."""
