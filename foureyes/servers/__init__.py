"""Model servers: what each kind speaks, the child process, and the supervisor that keeps one alive."""
