"""Questions about the state; none of them changes anything."""
