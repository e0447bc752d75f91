from aitrader.stack.valkey import SETTINGS, config_text


def test_the_configuration_keeps_every_write_evicts_nothing_and_listens_on_loopback():
    lines = config_text(SETTINGS, port=6390, folder="/data/valkey", password="pass").splitlines()
    expected = {
        "bind 127.0.0.1",
        "port 6390",
        'requirepass "pass"',
        "appendonly yes",
        "appendfsync everysec",
        'save ""',
        "maxmemory-policy noeviction",
        'dir "/data/valkey"',
    }
    assert expected <= set(lines)


def test_a_folder_with_spaces_and_quotes_is_quoted():
    assert r'dir "/my \"data\" \\ here"' in config_text({}, port=1, folder='/my "data" \\ here', password="p")
