#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests of bench-report, on logs that are made here."""

import importlib.machinery
import importlib.util
import os
import unittest
import xml.dom.minidom

HERE = os.path.dirname(os.path.abspath(__file__))
loader = importlib.machinery.SourceFileLoader("bench_report", os.path.join(HERE, "bench-report"))
report = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
loader.exec_module(report)


def log(rows, end="done"):
    """A console: rows are (id, variant, min, median), or (id, variant) if unsupported"""
    text = "Linux version 7.2\n[    0.3] iommu-sim-bench: tsc 2600000 kHz, 2 CPUs, on CPU 1\n"
    for row in rows:
        text += f"[    0.4] iommu-sim-bench: row id={row[0]} variant={row[1]} "
        if len(row) == 2:
            text += "unsupported\n"
        else:
            text += f"unit=ns n=600 min={row[2]:.2f} median={row[3]:.2f}\n"
    return text + f"[    0.5] iommu-sim-bench: {end}\n"


def rows_of(*logs):
    return {r["id"]: r for r in report.make_rows([report.read_log(text) for text in logs])}


def row_of(*rows):
    return next(iter(rows_of(log(rows)).values()))


class ReadLog(unittest.TestCase):
    def test_a_log_without_an_end_is_refused(self):
        with self.assertRaises(report.BadLog):
            report.read_log(log([("pt.map.4k", "ours", 10, 11)], end="group pt took 3 ms"))

    def test_a_failure_is_refused(self):
        text = log([]) + "iommu-sim-bench: failed: group pt, error -12\n"
        with self.assertRaises(report.BadLog):
            report.read_log(text)

    def test_carriage_returns_of_the_console(self):
        text = log([("pt.map.4k", "ours", 10, 11)]).replace("\n", "\r\n")
        self.assertEqual(report.read_log(text), {"pt.map.4k": {"ours": ("ns", 10, 11)}})

    def test_scaling_is_the_time_on_one_cpu_over_that_on_two(self):
        rows = report.read_log(log([("pt.scale.map.1cpu", "ours", 20, 30),
                                    ("pt.scale.map.2cpu", "ours", 25, 60)]))
        self.assertEqual(rows, {"pt.scale.map": {"ours": ("x", 0.8, 0.5)}})

    def test_no_sample_with_both_threads_is_no_data(self):
        text = log([("pt.scale.map.1cpu", "ours", 20, 30)]).replace(
            "iommu-sim-bench: done", "iommu-sim-bench: row id=pt.scale.map.2cpu variant=ours "
            "no samples\niommu-sim-bench: done")
        self.assertEqual(report.read_log(text), {"pt.scale.map": {}})


class Rows(unittest.TestCase):
    def test_the_median_of_the_boots_counts(self):
        boots = [log([("pt.map.4k", "ours", value, value + 1)]) for value in (90, 10, 12)]
        ours = rows_of(*boots)["pt.map.4k"]["ours"]
        self.assertEqual((ours["min"], ours["median"]), (12, 13))
        self.assertAlmostEqual(ours["spread"], 80 / 12, places=3)

    def test_only_the_peers_of_the_goal_count(self):
        row = row_of(("pt.map.4k", "ours", 15, 16), ("pt.map.4k", "x86_64", 10, 11),
                     ("pt.map.4k", "amdv1", 30, 31), ("pt.map.4k", "lpae_s1", 20, 21))
        self.assertEqual((row["to"], row["ratio"], row["met"]), ("lpae_s1", 0.75, True))

    def test_all_peers_count_without_a_goal(self):
        row = row_of(("pt.new", "ours", 15, 16), ("pt.new", "x86_64", 10, 11),
                     ("pt.new", "floor", 1, 2))
        self.assertEqual((row["to"], row["ratio"], row["met"]), ("x86_64", 1.5, None))

    def test_the_floor_is_the_lower_one(self):
        row = row_of(("pt.map.4k", "ours", 15, 16), ("pt.map.4k", "floor", 5, 6),
                     ("pt.map.4k", "floor-range", 4, 6))
        self.assertEqual((row["floor"], row["peers"], row["ratio"]), (4, {}, None))

    def test_noise(self):
        for ours, met, near in ((15, True, False), (16, True, True), (16.1, False, False)):
            row = row_of(("pt.map.4k", "ours", ours, 30), ("pt.map.4k", "amdv1", 20, 21))
            self.assertEqual((row["met"], row["within_noise"]), (met, near), ours)

    def test_more_is_better_where_it_scales(self):
        for two, met, near in ((20, True, False), (22, True, True), (24, False, False)):
            row = row_of(("pt.scale.map.1cpu", "ours", 20, 20),
                         ("pt.scale.map.2cpu", "ours", two, 20),
                         ("pt.scale.map.1cpu", "floor", 7, 7),
                         ("pt.scale.map.2cpu", "floor", 7, 7))
            self.assertEqual((row["met"], row["within_noise"]), (met, near), two)

    def test_unsupported(self):
        row = row_of(("pt.partial_unmap.2m", "ours"))
        self.assertFalse(row["supported"])
        self.assertIsNone(row["ours"])
        self.assertIn("not supported", "\n".join(report.table([row])))

    def test_what_is_the_longest_that_fits(self):
        self.assertIn("waiting", report.what("pt.iova_to_phys.4096.latency"))
        self.assertIn("throughput", report.what("pt.iova_to_phys.4096"))
        for name in report.GOALS:
            self.assertTrue(report.what(name), name)


class Output(unittest.TestCase):
    def setUp(self):
        self.rows = list(rows_of(log([
            ("floor.call", "floor", 1, 2), ("pt.map.4k", "ours", 100, 110),
            ("pt.map.4k", "amdv1", 20, 21), ("pt.unmap.4k", "ours", 7, 8),
            ("pt.unmap.4k", "amdv1", 20, 21), ("pt.partial_unmap.2m", "ours")])).values())

    def test_chart_is_xml(self):
        svg = xml.dom.minidom.parseString(report.chart(self.rows))
        self.assertEqual(svg.documentElement.tagName, "svg")

    def test_summary_counts(self):
        self.assertIn("1 of 2 goals met", report.summary(self.rows))

    def test_json_has_the_promised_keys(self):
        keys = {"id", "what", "unit", "ours", "peers", "floor", "ratio", "goal", "met"}
        for row in self.rows:
            self.assertLessEqual(keys, set(report.public(row)))


if __name__ == "__main__":
    unittest.main()
