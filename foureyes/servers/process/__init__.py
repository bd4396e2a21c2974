"""Processes behind model servers: our children, and LM Studio's daemon through lms."""
