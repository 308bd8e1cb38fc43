"""Writes program_config_elements bit by bit, as the standard's table has them."""


def bits_of(
    layout: tuple[str, str, str, int], *, mixdowns: bool = False, data: int = 0, coupling: int = 0
) -> str:
    """Return one up to its alignment: elements S or P in front, at the sides, at the back; low ones."""
    *elements, low = layout
    bits = f"{0:04b}{1:02b}{4:04b}"
    bits += "".join(f"{len(kinds):04b}" for kinds in elements)
    bits += f"{low:02b}{data:03b}{coupling:04b}"
    bits += "11010101101101" if mixdowns else "000"
    for kinds in elements:
        bits += "".join(f"{kind == 'P':b}{tag % 16:04b}" for tag, kind in enumerate(kinds))
    bits += "".join(f"{tag:04b}" for tag in range(low + data))
    return bits + "".join(f"1{tag:04b}" for tag in range(coupling))


def pack(bits: str) -> bytes:
    """Return the bits as bytes, padded to a whole one."""
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
