"""What turns without waiting: the event loop, epoll, writers, deadlines, and their host. Knows no WebSocket."""
