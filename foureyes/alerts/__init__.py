"""What an operator is told: rules over snapshots of the daemon, notices, and the ways that they go."""
