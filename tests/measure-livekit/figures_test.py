"""Tests of figures.py; `python3 tests/measure-livekit/figures_test.py`."""

import unittest

import figures


def run(server, subscribers, micros, percent=100.0, newcomers=0):
    times = {"count": 1, "p50Ms": 5.0, "p99Ms": 9.0, "maxMs": 9.0}
    return {
        "server": server,
        "subscribers": subscribers,
        "report": {
            "joins": {"time": times, "firstKeyFrame": times, "newcomer": {**times, "count": newcomers}},
            "media": {"delivered": 1000, "seconds": 2.0, "deliveredPercent": percent, "delay": times},
            "server": {"microsPerPacket": micros, "processors": 0.5, "kibPerClient": 250.0},
        },
    }


class Figures(unittest.TestCase):
    def test_equal_sides_have_the_ratio_one(self):
        self.assertEqual(figures.ratio([3.0, 3.0, 3.0], [3.0, 3.0, 3.0]), (1.0, 1.0, 1.0))

    def test_the_interval_contains_the_ratio_and_is_reproducible(self):
        ours, theirs = [5.0, 6.0, 7.0, 6.5, 5.5], [10.0, 12.0, 14.0, 13.0, 11.0]
        middle, low, high = figures.ratio(ours, theirs)
        self.assertAlmostEqual(middle, 0.5)
        self.assertTrue(0.3 < low < middle < high < 0.8, (low, high))
        self.assertEqual(figures.ratio(ours, theirs), (middle, low, high))

    def test_a_row_has_medians_and_ranges(self):
        runs = [run("convene", 100, micros) for micros in (6.0, 5.0, 7.0)] + [run("livekit", 100, 12.0)]
        line = figures.table(runs).splitlines()[2]
        self.assertTrue(line.startswith("| 100 | processor time per delivered packet, us | 6.00 (5.00 – 7.00) | 12.00 | 0.50"), line)

    def test_what_no_run_has_is_left_out_and_zero_has_no_ratio(self):
        runs = [run("convene", 100, None), run("livekit", 100, None)]
        text = figures.table(runs)
        self.assertNotIn("processor time per", text)
        self.assertNotIn("newcomer", text)
        self.assertIn("| 100 | not delivered, % of what was sent | 0.000 | 0.000 |  |", text)


unittest.main()
