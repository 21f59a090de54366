"""What flows through the rooms: frozen value types that validate themselves."""
