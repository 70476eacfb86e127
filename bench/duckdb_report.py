"""The report of bench/src/reports.rs in DuckDB: prints the median of its milliseconds.

    python duckdb_report.py FACTS.csv
"""

import statistics
import sys
import time

import duckdb

DAY = 86_400_000
FROM, TO = 1_735_689_600_000, 1_735_689_600_000 + 365 * DAY
REPORT = f"""
with response as (
  select team, count(*) filter (not merged) as created, count(*) filter (merged) as excluded,
    count(*) filter (not merged and responded - created <= 900000) as in_time,
    quantile_disc((responded - created) // 1000, [0.5, 0.75, 0.9, 0.95, 0.99]) filter (not merged) as response
  from fact where created >= {FROM} and created < {TO} group by team),
resolution as (
  select team, count(*) as resolved,
    count(*) filter (hand_overs = 0 and (reopened is null or reopened - resolved > {7 * DAY})) as first_time,
    quantile_disc((resolved - created) // 1000, [0.5, 0.75, 0.9, 0.95, 0.99]) as handling
  from fact where not merged and resolved >= {FROM} and resolved < {TO} group by team),
evolution as (
  select team, count(*) as defects from fact where not merged and defect and closed >= {FROM} and closed < {TO} group by team)
select * from response join resolution using (team) join evolution using (team)
"""

db = duckdb.connect()
db.execute(
    "create table fact as select created, responded, resolved, reopened, closed, merged = 1 as merged, hand_overs, "
    "defect = 1 as defect, team from read_csv(?, header = true)",
    [sys.argv[1]],
)
times = []
for _ in range(15):
    began = time.perf_counter()
    rows = db.execute(REPORT).fetchall()
    times.append((time.perf_counter() - began) * 1000)
    assert len(rows) == 20
print(statistics.median(times))
