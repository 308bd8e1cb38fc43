"""The README says what is: its tables of settings are the settings."""

import re
from pathlib import Path

from pydantic.fields import FieldInfo

from awazpulse.channels.channel_settings import ChannelSettings
from awazpulse.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]


def read_table(heading: str) -> dict[str, str]:
    """Return a section's rows by the name in their first cell."""
    _, _, below = (ROOT / "README.md").read_text().partition(f"\n## {heading}\n")
    section = below.partition("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE))


def describe(field: FieldInfo) -> str:
    default = getattr(field.default, "get_secret_value", lambda: field.default)()
    text = f"{default:g}" if isinstance(default, float) else str("" if default is None else default)
    if isinstance(default, bool):
        text = text.lower()
    return f"{f'`{text}`' if text else ''} | {field.description}"


def test_the_settings_table_lists_every_setting_with_its_default_and_its_text() -> None:
    expected = {
        PREFIX + name.upper(): describe(field) for name, field in Settings.model_fields.items()
    }
    assert read_table("Settings of the server") == expected


def test_the_channel_settings_table_lists_every_setting_with_its_default_and_its_text() -> None:
    expected = {
        field.alias or name: describe(field) for name, field in ChannelSettings.model_fields.items()
    }
    assert read_table("Settings of a channel") == expected
