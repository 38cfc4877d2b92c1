"""Who there is: users, roles, sessions, their policies, and bearers of identity tokens."""
