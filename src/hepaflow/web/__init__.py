"""The reading room: a local server, its database and jobs, and the page it serves."""

from hepaflow.workflow.threads import cap_threads

# whoever starts the room, its numbers are the command line's: before any of its modules loads numpy
cap_threads()
