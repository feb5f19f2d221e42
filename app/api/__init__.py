"""REST that joins several rooms: contacts with their tests, invitations, one's own account."""
