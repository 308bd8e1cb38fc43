"""The README says what is: its settings table is the settings."""

import re
from pathlib import Path

from awazpulse.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]


def test_the_settings_table_lists_every_setting_with_its_default_and_its_text() -> None:
    table = dict(
        re.findall(
            rf"^\| `{PREFIX}(\w+)` \| (.*) \|$", (ROOT / "README.md").read_text(), re.MULTILINE
        )
    )
    expected = {}
    for name, field in Settings.model_fields.items():
        default = getattr(field.default, "get_secret_value", lambda field=field: field.default)()
        text = f"{default:g}" if isinstance(default, float) else str(default)
        shown = f"`{text}`" if text else ""
        expected[name.upper()] = f"{shown} | {field.description}"
    assert table == expected
