import resource
import subprocess
import sys

import pytest

from awazpulse.descriptors import DescriptorBudget, for_listeners


@pytest.mark.parametrize(
    ("limit", "listeners"), [(256, 160), (1024, 768), (4096, 3584), (20_000, 19_488)]
)
def test_some_are_kept_for_encoders_and_the_rest(limit: int, listeners: int) -> None:
    assert for_listeners(limit) == listeners


def test_the_limit_is_raised_as_far_as_it_may() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    code = (
        "import resource as r; from awazpulse.descriptors import raise_limit;"
        f"r.setrlimit(r.RLIMIT_NOFILE, (200, {min(hard, 3000)}));"
        "print(raise_limit(), r.getrlimit(r.RLIMIT_NOFILE)[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(min(hard, 3000))] * 2
    assert "at most 2488 listeners" in done.stderr


def test_the_budget_counts_all_ports_together_and_keeps_some_for_encoders() -> None:
    held = {"icecast": 0, "hls": 0}
    budget = DescriptorBudget(1024)  # 768 for listeners, 896 for all who ask
    budget.count_in(lambda: held["icecast"])
    budget.count_in(lambda: held["hls"])
    told = []
    for held["icecast"], held["hls"] in ((767, 0), (700, 68), (800, 95), (800, 96)):
        told.append((budget.has_room_for_listener(), budget.has_room_for_client()))
    assert told == [(True, True), (False, True), (False, True), (False, False)]
