"""What takes several rooms to do for people: invitations, resets, trying a contact, letters."""
