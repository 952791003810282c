"""HTTP/1.1 server of the web process: an event loop reads requests and writes answers, threads call the application.

A request takes a thread once its whole body is here, and gives it back before the answer goes out, so a slow client
costs no thread. llhttp (httptools), the parser of Node.js, reads the protocol.

Why not a published server: granian and gunicorn read bodies in the threads that work and have no deadline for them;
waitress reads them apart, but has neither a deadline for a body that trickles nor a limit for an address, and parses in
Python. uvicorn with asgiref was built and measured: deadlines for head and body, limits for an address and the check of
credentials before the body still took 450 lines (690 here), at 58 us of CPU a request (40 here); and it joins several
Cookie headers by commas and re-encodes raw query strings, which signatures are made over.
"""
