import socket
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aitrader.stack.errors import PortTaken
from aitrader.stack.ports import FREE_PORTS, LOOPBACK, Ports, why_not_free


def listening_socket():
    server = socket.socket()
    server.bind((LOOPBACK, 0))
    server.listen()
    return closing(server)


def test_a_taken_port_is_refused_with_its_number_and_its_option():
    with listening_socket() as server:
        port = server.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"port {port} is taken \(--port\).*choose another with --port"):
            Ports().choose(port, option="--port")


def test_a_free_port_that_was_asked_for_is_given():
    port = Ports().choose(0, option="--port")
    assert Ports().choose(port, option="--port") == port


def test_a_preferred_port_is_kept_while_it_is_free_and_left_when_it_is_taken():
    with listening_socket() as server:
        taken = server.getsockname()[1]
        assert Ports().choose(0, option="--redis-port", preferred=taken) != taken
    assert Ports().choose(0, option="--redis-port", preferred=taken) == taken


def test_one_run_gives_no_port_twice():
    ports = Ports()
    port = ports.choose(0, option="--port")
    assert ports.choose(0, option="--flower-port", preferred=port) != port
    with pytest.raises(PortTaken, match=f"port {port} is already meant for --port"):
        ports.choose(port, option="--flower-port")


def test_an_address_of_another_machine_is_refused_by_name():
    with pytest.raises(PortTaken, match=r"port 8000 cannot be bound on 192\.0\.2\.1"):
        Ports().choose(8000, option="--port", host="192.0.2.1")


@pytest.mark.parametrize("port", [-1, 65_536, 10**12])
def test_a_number_that_is_no_port_is_refused(port):
    assert why_not_free(LOOPBACK, port) is not None


@given(st.none() | st.integers(FREE_PORTS.start, FREE_PORTS.stop - 1))
def test_any_port_is_free_and_outside_the_range_of_outgoing_connections(preferred):
    port = Ports().choose(0, option="--port", preferred=preferred)
    assert port in FREE_PORTS
    assert why_not_free(LOOPBACK, port) is None
