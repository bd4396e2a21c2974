"""FourEyes as a service: what systemd is told while it runs, its units, and the service of Windows."""
