import pytest

from accounts.middleware import address_of


@pytest.mark.parametrize(
    ("proxies", "forwarded", "peer", "expected"),
    [
        (0, "6.6.6.6", "10.0.0.1", "10.0.0.1"),
        (1, "", "10.0.0.1", "10.0.0.1"),
        (1, "192.0.2.7", "10.0.0.1", "192.0.2.7"),
        (1, "6.6.6.6, 192.0.2.7", "10.0.0.1", "192.0.2.7"),
        (2, "6.6.6.6, 192.0.2.7, 10.0.0.2", "10.0.0.1", "192.0.2.7"),
        (2, "192.0.2.7", "10.0.0.1", "192.0.2.7"),
        (1, "192.0.2.7:4711", "10.0.0.1", "192.0.2.7"),
        (1, "[2001:db8::1]:443", "10.0.0.1", "2001:db8::1"),
        (1, "2001:DB8:0::1", "10.0.0.1", "2001:db8::1"),
        (1, "unknown", "10.0.0.1", "10.0.0.1"),
        (0, "", "", ""),
    ],
)
def test_a_forwarded_address_counts_only_as_far_as_our_own_proxies_wrote_it(settings, proxies, forwarded, peer, expected):
    settings.TRUSTED_PROXIES = proxies
    assert address_of(forwarded, peer) == expected
