"""The HTTP client: `session.Session` on top of asks, with its own connections on Trio.

Each module imports only from those left of it:

    url < parser < upload < sockets < tls < dialing < connect < proxy < connection < pool < response
        < request < retry, breaker < session
"""
