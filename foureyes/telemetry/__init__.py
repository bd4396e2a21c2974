"""What FourEyes tells of itself: log, metrics, machine resources."""
