"""`--status HOST:PORT`: probes, metrics and a page for people, by HTTP, made of reports (reporting.py).

    starting    from the setting to a server; what the rest imports comes only where it is set
    source      where the reports come from
    address     where to listen
    listening   connections: hypercorn's protocol, with bounds on their number and their time
    app         /livez, /readyz, /metrics, /, /api/status and the page's files
    metrics     reports as Prometheus reads them
    history     the last minutes, for the plots
    view        reports as people read them: tables of texts
    page        the tables as HTML

A server alone answers for itself, the parent of --processes for all its children: see source.Source.
"""
