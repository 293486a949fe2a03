"""Which proxy an upstream is reached through, on every Python alike."""

from __future__ import unicode_literals

import pytest

from channels_async.proxy_rules import Proxies, Proxy, parse_proxy


@pytest.mark.parametrize(('url', 'proxy'), [
    ('http://proxy.example:3128', Proxy('proxy.example', 3128, None)),
    ('HTTP://Proxy.Example', Proxy('proxy.example', 80, None)),
    ('proxy.example:3128/', Proxy('proxy.example', 3128, None)),
    ('http://[FD00::1]:3128', Proxy('fd00::1', 3128, None)),
    ('http://anna:ge%40h:eim@10.0.0.1:1', Proxy('10.0.0.1', 1, b'Basic YW5uYTpnZUBoOmVpbQ==')),
    ('http://anna@10.0.0.1:1', Proxy('10.0.0.1', 1, b'Basic YW5uYTo=')),
    (b'http://proxy:1', Proxy('proxy', 1, None)),
])  # fmt: skip
def test_a_proxys_url(url, proxy):
    assert parse_proxy(url) == proxy


@pytest.mark.parametrize('url', [
    'https://proxy:1', 'socks5h://proxy:1', 'http://', 'http://proxy:0', 'http://proxy:65536', 'http://a b/',
    'http://proxy:1/path', 'proxy:port', 'http://[proxy]:1',
])  # fmt: skip
def test_what_is_no_url_of_a_proxy(url):
    with pytest.raises(ValueError):
        parse_proxy(url)


def direct(entries, host, port=80):
    return Proxies('http://proxy:1', entries).proxy_for('http', host, port) is None


def test_no_proxy():
    entries = ['example.org', '.dotted.example', '*.starred.example', 'port.example:8080', '10.0.0.0/8',
               '192.168.1.1', 'fd00::/8', '[::1]', 'LOCALHOST']  # fmt: skip
    for host in ('example.org', 'a.b.example.org', 'example.org.', 'dotted.example', 'x.dotted.example',
                 'x.starred.example', '10.9.8.7', '192.168.1.1', 'fd00::9', '::1', 'localhost'):  # fmt: skip
        assert direct(entries, host), host
    for host in ('notexample.org', 'example.com', '11.0.0.1', '192.168.1.2', '::2', 'port.example'):
        assert not direct(entries, host), host
    assert direct(entries, 'port.example', 8080)
    assert direct(['*'], 'anything.example')
    assert not direct([], 'anything.example')


def test_the_environment():
    environment = {
        'http_proxy': 'http://one:1', 'HTTPS_PROXY': 'two:2', 'no_proxy': ' example.org, http://nonsense,,',
    }  # fmt: skip
    proxies = Proxies('', [], environment)
    assert proxies.proxy_for('http', 'a.example', 80) == Proxy('one', 1, None)
    assert proxies.proxy_for('https', 'a.example', 443) == Proxy('two', 2, None)
    assert proxies.proxy_for('https', 'www.example.org', 443) is None
    assert not Proxies('', [], {})
    assert not Proxies('', [], {'http_proxy': ''})
    proxies = Proxies('', [], {'ALL_PROXY': 'all:3'})
    assert proxies.proxy_for('https', 'a.example', 443) == Proxy('all', 3, None)


def test_the_setting_wins_over_the_environment():
    proxies = Proxies('http://one:1', [], {'https_proxy': 'http://two:2', 'NO_PROXY': 'example.org'})
    assert proxies.proxy_for('https', 'a.example', 443) == Proxy('one', 1, None)
    assert proxies.proxy_for('https', 'example.org', 443) is None


def test_a_header_of_somebody_who_asks_a_cgi_script_is_no_proxy():
    environment = {'HTTP_PROXY': 'http://evil:1', 'REQUEST_METHOD': 'GET'}
    assert not Proxies('', [], environment)


def test_a_wrong_variable_is_named_without_its_password():
    with pytest.raises(ValueError) as caught:
        Proxies('', [], {'all_proxy': 'socks5://anna:geheim@proxy:1'})
    assert "the environment's all_proxy" in '{}'.format(caught.value)
    assert 'geheim' not in '{}'.format(caught.value)


@pytest.mark.parametrize('entry', ['http://x', '10.0.0.1/8', 'a b', ''])
def test_a_wrong_entry_of_no_proxy_is_named(entry):
    with pytest.raises(ValueError) as caught:
        Proxies('http://proxy:1', [entry])
    assert "HTTP['no_proxy'], '{}'".format(entry) in '{}'.format(caught.value)
