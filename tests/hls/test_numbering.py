from hls.limits import Limits
from hls.numbering import DISCONTINUITY_S, HOUSE_EPOCH, Numbering


def test_numbers_begin_with_the_clock() -> None:
    numbering = Numbering(wall=HOUSE_EPOCH + 6000, now=5.0)
    assert numbering.media_sequence(5.0) == 6000
    assert numbering.media_sequence(7.5) == 6002
    assert numbering.discontinuity_sequence(5.0) == 6000 // DISCONTINUITY_S


def test_a_restart_begins_where_no_channel_can_have_come() -> None:
    before = Numbering(wall=HOUSE_EPOCH + 6000, now=5.0)
    on_air_s = 3600
    reached = before.media_sequence(5.0) + on_air_s // 2
    after = Numbering(wall=HOUSE_EPOCH + 6000 + on_air_s, now=1.0)
    assert after.media_sequence(1.0) > reached + Limits().lead_segments


def test_a_clock_before_the_epoch_counts_from_it_and_goes_on() -> None:
    numbering = Numbering(wall=0.0, now=5.0)
    assert numbering.media_sequence(5.0) == 0
    assert numbering.media_sequence(65.0) == 60


def test_numbers_fit_31_bits_and_spare_hls_js_for_years() -> None:
    in_five_years = Numbering(wall=HOUSE_EPOCH + 5 * 366 * 86_400, now=0.0)
    assert in_five_years.media_sequence(0.0) < 2**31
    assert in_five_years.discontinuity_sequence(0.0) < 300_000
