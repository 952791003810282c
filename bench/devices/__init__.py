"""A load client: many devices in one process, MQTT 3.1.1 or 5 over TCP or WebSocket, on loopback.

It uses bare epoll, since it must be faster than the servers it measures. Devices receive messages of QoS 1, acknowledge
and count them. Commands come as lines on standard input; each is answered with one line of JSON:

    connect COUNT CONCURRENT         open COUNT more connections, CONCURRENT at a time; {"ready", "failed", "seconds"}
    receive COUNT SECONDS            until COUNT messages came or SECONDS passed; {"messages", "seconds", "p50_ms", ...}
    receive-batched COUNT SECONDS    the same, reading at most once a millisecond unless many sockets are ready
    publish COUNT WINDOW             publish to the devices' topics, at most WINDOW unacknowledged (for a plain broker)
    publish-paced COUNT RATE         the same at RATE a second, each with its time; {"messages", "p50_ms", "p99_ms"}
    publish-all ROUNDS               the same to the topic that all subscribe to; a round begins when all have the last
    close                            close all connections

Latencies are those of messages whose payload contains `"t":"SECONDS"` by this machine's monotonic clock.

Throughput is measured with batched reads (`receive-batched`, `publish`): devices usually run on other machines, so a
server should not pay for waking this process for each message.
"""
