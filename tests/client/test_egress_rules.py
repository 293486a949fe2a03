"""EGRESS: which addresses and names the rules allow, on every Python alike."""

from __future__ import unicode_literals

import pytest

from channels_async.egress_rules import Egress, address_class, parse_address

CLASSES = {
    'loopback': ['127.0.0.1', '127.255.0.1', '::1', '::ffff:127.0.0.1', '::ffff:0:7f00:1', '64:ff9b::7f00:1',
                 '2002:7f00:1::'],
    'unspecified': ['0.0.0.0', '0.1.2.3', '::', '::ffff:0.0.0.0'],
    'link-local': ['169.254.169.254', 'fe80::1', 'fe80::1%eth0', '::ffff:169.254.169.254'],
    'private': ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', 'fd00:ec2::254',
                'fec0::1', '::ffff:10.0.0.1', '64:ff9b::a00:1', '64:ff9b:1::a00:1', '2002:0a00:1::1'],
    'multicast': ['224.0.0.1', '239.255.255.255', 'ff02::1'],
    'reserved': ['240.0.0.1', '255.255.255.255', '192.0.2.1', '198.18.0.1', '203.0.113.9', '2001:db8::1',
                 '2001:2::1', '3fff::1', '100::1', '4000::1', '::127.0.0.1', '::8.8.8.8', '::ffff:0:808:808'],
    'public': ['8.8.8.8', '172.32.0.1', '100.128.0.1', '2a00:1450::1', '2001:4860:4860::8888',
               '::ffff:8.8.8.8', '64:ff9b::808:808', '2002:808:808::1'],
}  # fmt: skip


@pytest.mark.parametrize('word', sorted(CLASSES))
def test_every_address_has_one_class_that_of_an_ipv4_address_in_it_too(word):
    found = [(address, address_class(parse_address(address))) for address in CLASSES[word]]
    assert found == [(address, word) for address in CLASSES[word]]


def outcome(rules, host, address, port=80):
    return rules.refuses(host, port, address)


def test_private_denies_all_that_is_not_public_and_allows_only_private_networks():
    denying, allowing = Egress([], ['private']), Egress(['private'], [])
    for word, addresses in CLASSES.items():
        for address in addresses:
            assert (outcome(denying, 'a.example', address) is None) == (word == 'public')
            assert (outcome(allowing, 'a.example', address) is None) == (word == 'private')


@pytest.mark.parametrize('word', sorted(set(CLASSES) - {'private'}))
def test_any_other_word_denies_and_allows_its_own_class(word):
    denying, allowing = Egress([], [word]), Egress([word], [])
    for other, addresses in CLASSES.items():
        for address in addresses:
            assert (outcome(denying, 'a.example', address) is None) == (other != word)
            assert (outcome(allowing, 'a.example', address) is None) == (other == word)


def test_allow_wins_over_deny_and_what_is_in_neither_is_allowed():
    rules = Egress(['10.1.0.0/16', 'db.internal', '*.svc.internal:8080'], ['private', 'evil.example'])
    assert outcome(rules, 'a.example', '8.8.8.8') is None
    assert outcome(rules, 'a.example', '10.1.2.3') is None
    assert outcome(rules, 'a.example', '::ffff:10.1.2.3') is None
    assert outcome(rules, 'db.internal', '10.2.0.1') is None
    assert outcome(rules, 'db.internal.', '10.2.0.1') is None
    assert outcome(rules, 'x.svc.internal', '10.2.0.1', 8080) is None
    assert outcome(rules, 'x.svc.internal', '10.2.0.1', 80) == "denied by 'private'"
    assert outcome(rules, 'svc.internal', '10.2.0.1', 8080) == "denied by 'private'"
    assert outcome(rules, 'xsvc.internal', '10.2.0.1', 8080) == "denied by 'private'"
    assert outcome(rules, 'a.example', '10.2.0.1') == "denied by 'private'"
    assert outcome(rules, 'evil.example', '8.8.8.8') == "denied by 'evil.example'"


def test_allow_alone_allows_nothing_else():
    rules = Egress(['api.example', '203.0.113.0/24', '[2001:db8::/32]:443', 'public:443'], [])
    assert outcome(rules, 'api.example', '10.0.0.1') is None
    assert outcome(rules, 'x.example', '203.0.113.7') is None
    assert outcome(rules, 'x.example', '8.8.8.8', 443) is None
    assert outcome(rules, 'x.example', '8.8.8.8', 80) == 'not in allow'
    assert outcome(rules, 'x.example', '2001:db8::7', 80) == 'not in allow'


def test_a_denied_network_is_denied_in_every_dress_and_an_allowed_one_only_as_the_same_host():
    dresses = ['10.0.0.1', '::ffff:10.0.0.1', '64:ff9b::a00:1', '2002:a00:1::1', '::10.0.0.1',
               '2001:0:a00:1::', '2001:0:808:808:0:0:f5ff:fffe']  # fmt: skip
    for address in dresses:
        assert outcome(Egress([], ['10.0.0.0/8']), 'a.example', address)
    allowed = [address for address in dresses if not outcome(Egress(['10.0.0.0/8'], []), 'x', address)]
    assert allowed == dresses[:3]


def test_all_with_and_without_a_port():
    assert outcome(Egress([], ['all']), 'a.example', '8.8.8.8') == "denied by 'all'"
    assert outcome(Egress(['all:443'], []), 'a.example', '8.8.8.8', 443) is None
    assert outcome(Egress(['all:443'], []), 'a.example', '8.8.8.8', 80) == 'not in allow'
    assert outcome(Egress([], ['all:25']), 'a.example', '8.8.8.8', 80) is None


def test_what_is_no_address_is_refused():
    assert outcome(Egress([], ['private']), 'a.example', 'nonsense') == 'its address cannot be understood'


def test_a_name_that_no_address_can_save_is_refused_before_it_is_looked_up():
    assert Egress(['api.example'], []).refuses_name('evil.example', 80) == 'not in allow'
    assert Egress(['api.example'], []).refuses_name('api.example', 80) is None
    assert Egress([], ['evil.example']).refuses_name('evil.example', 80) == "denied by 'evil.example'"
    assert Egress(['10.0.0.0/8'], []).refuses_name('evil.example', 80) is None  # its address decides
    assert Egress([], ['private']).refuses_name('evil.example', 80) is None
    assert Egress([], ['private']).refuses_name('127.0.0.1', 80) == "denied by 'private'"
    assert Egress(['::1'], []).refuses_name('localhost', 80) is None  # which it may be


def test_where_a_proxy_looks_up_only_names_and_literal_addresses_are_known():
    rules = Egress([], ['private'])
    for host in ('127.0.0.1', '::1', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '127.0.0.1.',
                 'localhost', 'localhost.', 'a.localhost', '::ffff:7f00:1', 'fe80::1%eth0'):  # fmt: skip
        assert rules.refuses_unresolved(host, 80) == "denied by 'private'", host
    assert rules.refuses_unresolved('intranet.example', 80) is None
    assert Egress(['public'], []).refuses_unresolved('intranet.example', 80) == 'not in allow'
    assert Egress(['*.example'], []).refuses_unresolved('intranet.example', 80) is None


def test_a_unix_socket_is_refused_unless_it_is_allowed():
    def refused(*allow):
        return Egress(allow, ['link-local']).refuses_socket('app.local', 80, '/run/App.sock') is not None

    assert refused()
    assert refused('unix:/run/other.sock', '10.0.0.0/8', '*.other')
    assert not refused('unix:/run/App.sock')
    assert not refused('unix')
    assert not refused('all')
    assert not refused('app.local')


@pytest.mark.parametrize(('entry', 'words'), [
    ('10.0.0.1/8', 'bits beyond its prefix'),
    ('10.0.0.0/33', 'between 0 and 32'),
    ('10.0.0.0/x', 'between 0 and 32'),
    ('10.0.0', 'written in full'),
    ('010.0.0.1', 'written in full'),
    ('0x7f.0.0.1', 'written in full'),
    ('fe80::1%eth0', 'without a zone'),
    ('[example.org]', 'no valid address'),
    ('::/129', 'between 0 and 128'),
    ('http://example.org/', 'host of the URL alone'),
    ('.example.org', "'*.example.org'"),
    ('b\xfccher.example', 'xn--'),
    ('linklocal', "did you mean 'link-local'?"),
    ('privat', "did you mean 'private'?"),
    ('example.org:0', 'between 1 and 65535'),
    ('example.org:99999', 'between 1 and 65535'),
    ('exa mple', 'words are'),
    ('*', 'words are'),
    ('', 'words are'),
    ('unix:run/app.sock', 'from the root'),
])  # fmt: skip
def test_a_wrong_entry_is_named(entry, words):
    with pytest.raises(ValueError) as caught:
        Egress([], [entry])
    assert "deny: '{}': ".format(entry) in '{}'.format(caught.value)
    assert words in '{}'.format(caught.value)
