from awazpulse.metrics.histogram import Histogram


def test_each_bucket_counts_what_is_not_above_its_bound() -> None:
    histogram = Histogram((0.1, 1.0))
    for duration_s in (0.0, 0.1, 0.1001, 1.0, 1.5, 99.0):
        histogram.observe(duration_s)
    assert histogram.list_buckets() == [("0.1", 2), ("1.0", 4), ("+Inf", 6)]
    assert round(histogram.sum_s, 4) == 101.7001


def test_one_that_has_counted_nothing_has_all_its_buckets() -> None:
    assert Histogram((0.1,)).list_buckets() == [("0.1", 0), ("+Inf", 0)]
