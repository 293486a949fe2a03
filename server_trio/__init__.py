"""The Trio server of channels_async: runs operations that Django views hand over.

Each line imports only from the lines below it (tests/house/test_layering.py holds this):

    entry:      __main__, cli, completion
    entry:      command_line
    entry:      tools
    entry:      processes, serving
    assembly:   slots
    entry:      signals
    assembly:   children
    assembly:   project, loading, reaching, reload, systemd, link, watching
    assembly:   status
    assembly:   logs, task_tree
    assembly:   supervisor, reporting, operating, recovery, disconnects, inflight
    assembly:   running, turns, receiver, consumers, routing
    assembly:   functions, django_orm
    behaviour:  operations, calls, replies
    adapters:   layers, http
    words:      tracing
    words:      resolving, allocation
    words:      parsing, certificates, egress, commands, settings, flags, options, errors, limits, stats
    words:      failures, recent_errors, readiness, progress, escaping, exit_codes, signal_words, unread
    words:      log_guard, json_lines, early_signals, rhythm, importing, garbage
    contract:   channels_async.forward_rules
    contract:   channels_async.wire, channels_async.http_rules, channels_async.frame_rules
    contract:   channels_async.trace_rules
    contract:   channels_async.egress_rules, channels_async.proxy_rules, channels_async.host_patterns
    contract:   channels_async.redis_rules
    contract:   channels_async.check_rules, channels_async.report_text
    contract:   channels_async.report_rules
    contract:   channels_async.report_bounds
    contract:   channels_async.command_rules, channels_async.process_groups, channels_async.stderr_lines
    contract:   channels_async.call_rules, channels_async.result_rules, channels_async.retry_rules
    versions:   channels_compat, channels_async._py23
"""
