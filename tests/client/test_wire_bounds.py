"""What a message may make its reader do: counted as work, never as time."""

from __future__ import unicode_literals

import json

import pytest

from channels_async import wire
from channels_async.wire import fields, limits, literals

BASE = {'operation': 'REQUEST', 'reply_channel': 'reply!a', 'url': 'http://host.example/'}


class Counting(list):
    """A list that counts what is taken out of it."""

    taken = 0

    def __iter__(self):
        for item in list.__iter__(self):
            self.taken += 1
            yield item


def refused(**fields):
    with pytest.raises(wire.BadMessage) as caught:
        wire.parse(dict(BASE, **fields), 0.0)
    assert caught.value.reply_channel == 'reply!a'
    return caught.value.reason


def details(**fields):
    return wire.parse(dict(BASE, **fields), 0.0).details


@pytest.mark.parametrize('field', ['params', 'data', 'headers', 'cookies'])
@pytest.mark.parametrize('content', ['1', None])
def test_a_list_as_value_is_refused_before_it_is_read_beyond_the_bound(field, content):
    long = Counting([content] * (10 * limits.MAX_PAIRS))
    assert 'entries' in refused(**{field: {'a': long}})
    assert long.taken <= limits.MAX_PAIRS


@pytest.mark.parametrize('field', ['params', 'data', 'headers', 'cookies'])
def test_a_long_list_of_pairs_is_refused_before_it_is_read_beyond_the_bound(field):
    long = Counting([['a', '1']] * (10 * limits.MAX_PAIRS))
    assert 'entries' in refused(**{field: long})
    assert long.taken <= limits.MAX_PAIRS


def test_many_lists_that_are_each_within_the_bound_are_refused_at_their_sum():
    lists = [Counting([None] * 1000) for _ in range(100)]
    assert 'entries' in refused(params=[['a', each] for each in lists])
    assert sum(each.taken for each in lists) <= limits.MAX_PAIRS


def test_native_json_is_refused_before_it_is_read_beyond_the_bound():
    long = Counting([1] * (10 * limits.MAX_VALUES))
    assert 'values' in refused(json={'a': long})
    assert long.taken == 0
    lists = [Counting([1] * 1000) for _ in range(100)]
    assert 'values' in refused(json=lists)
    assert sum(each.taken for each in lists) <= limits.MAX_VALUES


def test_native_json_may_hold_so_much_text_and_no_more():
    half = 'x' * (limits.MAX_LITERAL // 2)
    assert json.loads(details(json=[half, half]).json.decode('ascii')) == [half, half]
    assert 'characters' in refused(json=[half, half, 'x'])
    assert 'characters' in refused(json={half: half + 'x'})


@pytest.mark.parametrize(('source', 'values'), [
    ('[{}]', 1), ("{{u'a': [{}]}}", 3), ('({})', 1),
])  # fmt: skip
def test_a_repr_is_not_read_beyond_its_bound(source, values, monkeypatch):
    read = []
    number = literals._number
    monkeypatch.setattr(literals, '_number', lambda kind, word: read.append(word) or number(kind, word))
    most = limits.MAX_VALUES - values
    literals.literal(source.format('1,' * most))
    assert len(read) == most
    del read[:]
    with pytest.raises(literals.TooMuch):
        literals.literal(source.format('1,' * (10 * most)))
    assert len(read) == most


def test_each_word_of_a_repr_is_matched_once(monkeypatch):
    class Pattern(object):
        matches = 0

        def match(self, source, position):
            self.matches += 1
            return original.match(source, position)

    original, pattern = literals._TOKEN, Pattern()
    monkeypatch.setattr(literals, '_TOKEN', pattern)
    assert literals.literal("{u'a': [1, 2], 'b': (None,)}") == {'a': [1, 2], 'b': [None]}
    assert pattern.matches == 17  # 16 words and the end


@pytest.mark.parametrize('field', ['headers', 'params', 'cookies', 'json', 'auth'])
def test_a_repr_that_is_too_long_is_refused(field):
    long = "{u'a': u'" + 'x' * limits.MAX_LITERAL + "'}"
    assert 'longer than {} characters'.format(limits.MAX_LITERAL) in refused(**{field: long})


@pytest.mark.parametrize('field', ['timeout', 'allow_redirects', 'max_redirects'])
def test_a_scalar_that_is_too_long_is_refused(field):
    assert 'longer than 1024 characters' in refused(**{field: ' ' * 2000 + '1'})


@pytest.mark.parametrize('begin', ["{u'a': ", "{'a': ", "[(u'a', ", "(('a', ", "{b'a': "])
def test_a_form_that_is_too_long_is_refused_and_not_sent_as_it_is(begin):
    assert 'longer than' in refused(data=begin + "u'" + 'x' * limits.MAX_LITERAL)
    assert 'more than' in refused(data=begin + '[' + '1,' * limits.MAX_VALUES)
    form = "{u'a': [" + '1,' * (limits.MAX_PAIRS + 1) + ']}'
    assert 'more than' in refused(data=form)


@pytest.mark.parametrize('data', [
    '(' * 500000, '{"a": "' + 'x' * 500000 + '"}', 'x' * 500000, '[1,' * 200000,
])  # fmt: skip
def test_a_long_body_that_is_no_form_is_sent_as_it_is(data):
    assert details(data=data).data == data.encode('ascii')


def test_a_query_string_is_bounded_before_it_is_split():
    assert 'characters' in refused(params='a' * (limits.MAX_LITERAL + 1))
    assert 'entries' in refused(params='a&' * limits.MAX_PAIRS)
    assert len(details(params='&'.join(['a=1'] * limits.MAX_PAIRS)).params) == limits.MAX_PAIRS


@pytest.mark.parametrize(('field', 'most'), [
    ('headers', limits.MAX_HEADERS), ('cookies', limits.MAX_COOKIES),
])  # fmt: skip
def test_headers_and_cookies_are_bounded_as_reprs_too(field, most):
    pairs = "[{}]".format(', '.join(["(u'a', u'b')"] * most))
    assert len(getattr(details(**{field: pairs}), field)) == most
    assert 'more than' in refused(**{field: pairs[:-1] + ", (u'a', u'b')]"})


def test_the_characters_of_a_url_are_encoded_up_to_its_bound():
    assert details(url='http://h/' + '\xe9a' * 7000).url.endswith('%C3%A9a%C3%A9a')
    assert 'longer than' in refused(url='http://h/' + 'a ' * 32000)


def typed(**own):
    return wire.parse(dict(BASE, v=2, id='a', **own), 0.0).details


def test_what_is_remembered_of_urls_and_headers_is_bounded():
    for number in range(2 * fields._MAX_REMEMBERED + 1):
        host, name = 'http://host-{}'.format(number), 'X-{}'.format(number).encode('ascii')
        assert typed(url=host + '/a', headers=[[name, b'']]).url == host + '/a'
        assert len(fields._origins) <= fields._MAX_REMEMBERED
        assert len(fields._header_names) <= fields._MAX_REMEMBERED
    assert host in fields._origins
    assert name in fields._header_names
    long = b'x' * (fields._MAX_NAME + 1)
    assert typed(headers=[[long, b'']]).headers == [(long, b'')]
    assert long not in fields._header_names


@pytest.mark.parametrize(('url', 'understood'), [
    ('http://Remembered.Example:080/A?b', 'http://remembered.example:80/A?b'),
    ('https://remembered.example', 'https://remembered.example'),
    ('http://remembered.example?', 'http://remembered.example?'),
    ('http://remembered.example/%41%4', 'http://remembered.example/%41%254'),
    ('http://remembered.example/a b', 'http://remembered.example/a%20b'),
    ('http://remembered.example/#', 'http://remembered.example/'),
])  # fmt: skip
def test_a_url_means_the_same_when_it_comes_again(url, understood):
    assert [typed(url=url).url for _ in range(3)] == [understood] * 3


@pytest.mark.parametrize('wrong', [
    {'url': 'http://wrong.example:0/'}, {'url': 'http://wrong.example:99999/'}, {'url': 'http://wrong..example/'},
    {'url': 'http://user@wrong.example/'}, {'url': 'http://wrong.example\\@h/'},
    {'url': 'http://wrong.example/' + 'x' * limits.MAX_URL}, {'headers': [[b'a b', b'']]},
    {'headers': [[b'X-Wrong', b'a\n']]},
])  # fmt: skip
def test_what_is_wrong_is_refused_each_time_and_after_good_ones(wrong):
    typed(url='http://wrong.example/', headers=[[b'X-Wrong', b'']])
    reasons = {refused(**dict({'v': 2, 'id': 'a'}, **wrong)) for _ in range(3)}
    assert len(reasons) == 1
    assert reasons.pop().startswith(tuple(wrong))


def test_the_characters_of_a_long_url_are_looked_at_in_linear_time():
    for middle in ('x', '%41', '?', 'a.', 'a%', '%4', '1'):
        for begin in ('http://', 'http://h', 'http://h/', 'http://h:1'):
            for end in ('', '\\', '\x00', '%'):
                url = begin + middle * ((limits.MAX_URL - 20) // len(middle)) + end
                try:
                    assert typed(url=url).url.startswith('http://h')
                except wire.BadMessage as error:
                    assert 'url' in error.reason  # noqa: PT017 - one of two


@pytest.mark.parametrize('own', [
    {'reply_channel': 'reply!a', 'id': 'abc', 'reply_format': 'message'},
    {b'reply_channel': b'reply!a', b'id': b'abc', 'reply_format': 'message'},
])  # fmt: skip
def test_a_message_of_too_many_fields_says_where_it_can_be_answered(own):
    message = {'field{}'.format(number): 1 for number in range(limits.MAX_FIELDS)}
    message.update(own)
    with pytest.raises(wire.BadMessage) as caught:
        wire.parse(message, 0.0)
    error = caught.value
    assert 'more than 64 fields' in error.reason
    assert (error.reply_channel, error.id, error.reply_format) == ('reply!a', 'abc', 'message')
