from collections.abc import Iterator

import pytest

from tests.vendors import Vendor, running_vendor


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with running_vendor() as vendor:
        yield vendor
