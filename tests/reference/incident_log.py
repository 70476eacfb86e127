#!/usr/bin/env python3
"""The expected metrics of a ServiceNow incident log, computed without Buoy's code.

    python3 incident_log.py FILE [TIME_ZONE]

FILE is CSV, plain or gzip, one row per state of an incident, as in the UCI data set 498 "Incident management process
enriched event log". Prints JSON.

- Rows of an incident are ordered by sys_mod_count, then by line. "?" is a missing value. The state -100 is ignored.
- First resolution: the first row that enters Resolved or Closed; its time is sys_updated_at, never resolved_at, which
  repeats the final value on every row.
- First-time resolution: no reassignment in the source's running count, and no reopening within 7 days of the first
  resolution (a row that is open again, or a running count of reopenings that has risen).
- First response: the first row with a state after New, not before the incident was opened.
- Handling time: from opened_at to the first resolution. Percentiles are by nearest rank.
- Groups: the last value that is not missing.
- Arrivals: opened_at by weekday (Monday first) and half-hour; in time: responded to within 15 minutes.
"""

import collections
import csv
import datetime
import gzip
import json
import sys
import zoneinfo

SOLVED = ("Resolved", "Closed")
PRIORITY = {"1 - Critical": "URGENT", "2 - High": "HIGH", "3 - Moderate": "NORMAL", "4 - Low": "LOW"}
IN_TIME = 15 * 60
REOPENED_WITHIN = 7 * 24 * 3600


def main():
    path = sys.argv[1]
    zone = zoneinfo.ZoneInfo(sys.argv[2] if len(sys.argv) > 2 else "Asia/Shanghai")

    def instant(text):
        return datetime.datetime.strptime(text, "%d/%m/%Y %H:%M").replace(tzinfo=zone).timestamp()

    opener = gzip.open if open(path, "rb").read(2) == b"\x1f\x8b" else open
    incidents = collections.defaultdict(list)
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        for place, row in enumerate(csv.DictReader(file)):
            incidents[row["number"]].append((int(row["sys_mod_count"]), place, row))
    computed = []
    for rows in incidents.values():
        rows.sort(key=lambda entry: entry[:2])
        computed.append(of_incident([row for _, _, row in rows], instant))
    result = figures(computed)
    for name in ("priority", "team"):
        groups = collections.defaultdict(list)
        for incident in computed:
            groups[incident[name] or ""].append(incident)
        result["by_" + name] = {key: figures(group) for key, group in groups.items()}
    result["heatmap"] = heatmap(computed)
    json.dump(result, sys.stdout, indent=1, sort_keys=True)


def of_incident(rows, instant):
    opened = instant(rows[0]["opened_at"])
    resolved = reopened = responded = None
    state = "New"
    for row in rows:
        at = instant(row["sys_updated_at"])
        if row["incident_state"] != "-100":
            state = row["incident_state"]
        # A row that names an assignee leaves New for ASSIGNED, which is no response yet.
        if responded is None and state != "New":
            responded = max(at, opened)
        if resolved is None:
            if state in SOLVED:
                resolved = at
        if resolved is not None and reopened is None:
            if state not in SOLVED or int(row["reopen_count"]) > 0:
                reopened = at

    def last(column):
        values = [row[column] for row in rows if row[column] != "?"]
        return values[-1] if values else None

    handed_over = any(int(row["reassignment_count"]) > 0 for row in rows)
    failed = reopened is not None and reopened - resolved <= REOPENED_WITHIN
    local = datetime.datetime.strptime(rows[0]["opened_at"], "%d/%m/%Y %H:%M")
    return {
        "place": local.weekday() * 48 + local.hour * 2 + local.minute // 30,
        "response": None if responded is None else int(responded - opened),
        "handling": None if resolved is None else max(0, int(resolved - opened)),
        "first_time": resolved is not None and not handed_over and not failed,
        "priority": PRIORITY[last("priority")],
        "team": last("assignment_group"),
    }


def figures(incidents):
    responses = sorted(i["response"] for i in incidents if i["response"] is not None)
    handling = sorted(i["handling"] for i in incidents if i["handling"] is not None)
    return {
        "created": len(incidents),
        "resolved": len(handling),
        "first_response_compliance": [sum(r <= IN_TIME for r in responses), len(incidents)],
        "first_time_resolution": [sum(i["first_time"] for i in incidents), len(handling)],
        "first_response_seconds": percentiles(responses),
        "handling_seconds": percentiles(handling),
    }


def heatmap(incidents):
    cells = [[] for _ in range(7 * 48)]
    for incident in incidents:
        cells[incident["place"]].append(incident["response"])
    computed = []
    for responses in cells:
        answered = sorted(r for r in responses if r is not None)
        median = answered[(len(answered) - 1) // 2] if answered else None
        computed.append([len(responses), sum(r <= IN_TIME for r in answered), median])
    return computed


def percentiles(values):
    return [values[-(-percent * len(values) // 100) - 1] if values else None for percent in (50, 75, 90, 95, 99)]


main()
