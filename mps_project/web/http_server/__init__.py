"""HTTP/1.1 server of the web process: an event loop that reads requests and writes answers, threads that work.

A thread is taken for a request once its whole body is here, and given back before the answer goes out, so a client
costs a thread only the time of the work. llhttp (httptools), the parser of Node.js, reads the protocol. Other WSGI
servers were looked at: granian and gunicorn read bodies in the threads that work; waitress does not, but it knows
neither a deadline for a body that trickles nor a bound for an address, and parses in Python.
"""
