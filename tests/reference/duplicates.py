#!/usr/bin/env python3
"""Makes a retrieval set of a fault register: every fault is a query on the day it began, and its duplicates are relevant.

    python3 duplicates.py FILE FOLDER

FILE is CSV with one row a fault, as fault_register.toml reads it. FOLDER gets corpus.jsonl.gz, queries.jsonl.gz and qrels.tsv as
`buoy eval` reads them. A duplicate has the same start, unit and phenomenon, and another id.
"""

import collections
import csv
import datetime
import gzip
import json
import pathlib
import sys
import tomllib

MAP = tomllib.loads(pathlib.Path(__file__).with_name("fault_register.toml").read_text(encoding="utf-8"))


def main(path, folder):
    columns, folder = MAP["columns"], pathlib.Path(folder)
    corpus, queries, alike = [], [], collections.defaultdict(list)
    with open(path, encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            id, start, unit, text = (row[columns[name]].strip() for name in ("id", "created", "customer", "description"))
            began = datetime.datetime.strptime(start, "%Y-%m-%d %H:%M:%S").replace(tzinfo=datetime.timezone.utc)
            fault = {"id": id, "title": text.splitlines()[0] if text else "", "body": text}
            corpus.append(fault | {"created": int(began.timestamp())})
            queries.append(fault | {"before": int(began.timestamp()) + 1})
            alike[(start, unit, text)].append(id)
    for name, entries in (("corpus", corpus), ("queries", queries)):
        with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
    pairs = [(one, other) for ids in alike.values() for one in ids for other in ids if one != other]
    rows = [f"{one}\t{other}\t1" for one, other in pairs]
    (folder / "qrels.tsv").write_text("\n".join(["query-id\tcorpus-id\trelevance", *rows]) + "\n", encoding="utf-8")


main(*sys.argv[1:])
