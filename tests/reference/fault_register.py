#!/usr/bin/env python3
"""The expected health report of a fault register, computed without Buoy's code.

    python3 fault_register.py FILE [TIME_ZONE]

FILE is CSV with one row a fault, as fault_register.toml reads it. Prints JSON: month -> figures.

- A fault belongs to the month in which it ended; one without an end counts in no month.
- Attributed: component, cause, an analysis and a unit all exist ("", "0", "无" and "无报告" are not).
- Convergence: faults of the three most frequent causes (fault type, level, finer cause, object) of the attributed ones.
- L3 escape: design defects among the attributed ones.
- Recurrence: attributed faults that are followed, within 30 days of their end, by the start of another attributed one of the same
  unit, fault type, level and finer cause.
"""

import collections
import csv
import datetime
import json
import pathlib
import sys
import tomllib
import zoneinfo

MAP = tomllib.loads(pathlib.Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
WITHIN = datetime.timedelta(days=30)


def main(path, zone="Asia/Shanghai"):
    zone = zoneinfo.ZoneInfo(zone)
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    columns, words, missing = MAP["columns"], MAP["words"], set(MAP["missing"])

    def cell(row, name):
        text = row[columns[name]].strip()
        return None if text in missing else text

    def instant(row, name):
        text = cell(row, name)
        return text and datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone)

    faults = []
    for row in rows:
        end = instant(row, "closed")
        if end is None:
            continue
        fault, level = cell(row, "fault_type"), cell(row, "root_cause_level")
        whole = all(cell(row, name) for name in ("fault_type", "root_cause_level", "solution_tag", "resolution", "assignee"))
        cause = None
        if whole:
            cause = (words["fault_type"][fault], words["root_cause_level"][level], cell(row, "cause_tag"), cell(row, "product"))
        faults.append({"start": instant(row, "created"), "end": end, "unit": cell(row, "customer"), "cause": cause})
    began = collections.defaultdict(list)
    for fault in faults:
        if fault["cause"]:
            began[(fault["unit"], fault["cause"][:3])].append(fault["start"])
    months = collections.defaultdict(list)
    for fault in faults:
        months[fault["end"].strftime("%Y-%m")].append(fault)
    told = {}
    for month, of in sorted(months.items()):
        attributed = [fault for fault in of if fault["cause"]]
        causes = collections.Counter(fault["cause"] for fault in attributed)
        back = sum(
            any(fault["end"] < start <= fault["end"] + WITHIN for start in began[(fault["unit"], fault["cause"][:3])])
            for fault in attributed
        )
        told[month] = {
            "resolved": len(of),
            "unattributed": len(of) - len(attributed),
            "convergence": [sum(count for _, count in causes.most_common(3)), len(attributed)],
            "l3_escape": [sum(fault["cause"][1] == "L3_DESIGN_DEFECT" for fault in attributed), len(attributed)],
            "recurrence": [back, len(attributed)],
        }
    json.dump(told, sys.stdout, ensure_ascii=False, indent=1)


main(*sys.argv[1:])
