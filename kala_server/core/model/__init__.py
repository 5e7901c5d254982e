"""What there is and what happens: frozen values, of which none does anything."""
