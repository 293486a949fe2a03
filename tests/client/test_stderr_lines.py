"""stderr becomes lines that a log can take, whatever a process writes."""

from __future__ import unicode_literals

from channels_async.stderr_lines import AT_ONCE, LONGEST, StderrLines


def test_lines_come_out_when_they_are_complete():
    lines = StderrLines(100)
    assert lines.feed(b'one\ntw', 0.0) == ['one']
    assert lines.feed(b'o\r\n\nthr', 0.0) == ['two', '']
    assert lines.feed(b'ee', 0.0) == []
    assert lines.finish() == ['three']
    assert lines.finish() == []


def test_a_long_line_is_cut_and_not_held():
    lines = StderrLines(100)
    for _ in range(1000):
        assert lines.feed(b'x' * 10000, 0.0) == []
    assert lines.feed(b'\nnext\n', 0.0) == ['x' * LONGEST + '...', 'next']


def test_lines_beyond_the_rate_are_counted():
    lines = StderrLines(100)
    assert len(lines.feed(b'line\n' * (AT_ONCE + 5), 10.0)) == AT_ONCE
    assert lines.feed(b'more\n', 10.5) == []
    assert lines.feed(b'later\n', 11.0) == ['later']
    assert lines.finish() == ['(6 lines are left out)']


def test_what_would_move_the_cursor_of_who_reads_the_log_is_replaced():
    lines = StderrLines(100)
    assert lines.feed('\x1b[2Jcaf\xe9\x9b\u2028\tx\ry\n'.encode('utf-8') + b'\xff\n', 0.0) == [
        '?[2Jcaf\xe9??\tx?y', '?',
    ]  # fmt: skip


def test_the_end_is_kept_as_text():
    lines = StderrLines(10)
    lines.feed(b'a' * 5, 0.0)
    lines.feed(b'b' * 5 + b'\nlast\n', 0.0)
    assert lines.tail() == 'bbbb\nlast'
