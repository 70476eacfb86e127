//! Files: encodings, CSV, JSON Lines, gzip.

use std::io::Write as _;

use encoding_rs::{GB18030, GBK};
use proptest::prelude::*;

use super::super::commands::read::csv::{CsvReader, CsvRecord};
use super::super::decide::encoding::{Beginning, HEAD_BYTES, Utf8Count, beginning};
use super::super::model::ImportMap;
use super::{map, read_file, reader, reasons};

const COLUMNS: &str = "id = \"id\"\ntitle = \"title\"\ncreated = \"created\"";

fn csv_map() -> ImportMap {
    map("", COLUMNS)
}

fn named(encoding: &str) -> ImportMap {
    map(&format!("encoding = \"{encoding}\""), COLUMNS)
}

/// The ids and titles of the rows, and the reasons of those that are refused.
fn read_texts(bytes: &[u8], map: ImportMap) -> Result<Vec<(String, String)>, String> {
    let rows = read_file(bytes, &reader(map))?;
    let row = |row: &Result<super::Row, super::RejectedRow>| match row {
        Ok(row) => (row.id.clone(), row.title.clone()),
        Err(refused) => (refused.id.clone().unwrap_or_default(), format!("refused: {}", reasons(row))),
    };
    Ok(rows.iter().map(row).collect())
}

fn titles(bytes: &[u8], map: ImportMap) -> Result<Vec<String>, String> {
    Ok(read_texts(bytes, map)?.into_iter().map(|(_, title)| title).collect())
}

/// A file of three rows in Chinese.
const CHINESE: &str =
    "id,title,created\nA1,泵站停机漏水,2026-01-05 08:00\nA2,漏,2026-01-05 08:00\nA3,端子松动,2026-01-05 08:00\n";
const TITLES: [&str; 3] = ["泵站停机漏水", "漏", "端子松动"];

fn utf16(text: &str, little: bool, marked: bool) -> Vec<u8> {
    let mark = marked.then_some('\u{feff}');
    let units = mark.into_iter().chain(text.chars()).flat_map(|c| c.encode_utf16(&mut [0; 2]).to_vec());
    units.flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

#[test]
fn an_encoding_is_named_or_told_for_the_file_as_a_whole() {
    let gbk = GBK.encode(CHINESE).0.into_owned();
    // 漏 in GBK is © in UTF-8.
    assert_eq!(&*GBK.encode("漏").0, "©".as_bytes());
    let marked = |text: &str| ["\u{feff}", text].concat().into_bytes();
    for (bytes, map) in [
        (CHINESE.as_bytes().to_vec(), csv_map()),
        (CHINESE.as_bytes().to_vec(), named("utf-8")),
        (marked(CHINESE), csv_map()),
        (gbk.clone(), named("gbk")),
        (gbk.clone(), named("gb18030")),
        (gbk.clone(), named("GB2312")),
        ([&b"\x84\x31\x95\x33"[..], &GB18030.encode(CHINESE).0].concat(), csv_map()),
        (utf16(CHINESE, true, true), csv_map()),
        (utf16(CHINESE, false, true), csv_map()),
        (utf16(CHINESE, true, false), csv_map()),
        (utf16(CHINESE, false, false), csv_map()),
        (utf16(CHINESE, true, false), named("utf-16le")),
        (utf16(CHINESE, true, true), named("gb18030")),
    ] {
        assert_eq!(titles(&bytes, map.clone()), Ok(TITLES.map(str::to_owned).to_vec()), "{:?}", map.encoding);
    }
    // Never partly, and never as another one.
    for (bytes, map, expected) in [
        (gbk.clone(), csv_map(), "gb18030"),
        (gbk, named("utf-8"), "not in UTF-8 (first seen in line 2)"),
        (CHINESE.as_bytes().to_vec(), named("gb18030"), "is in UTF-8"),
        (b"id,title,created\nA1,caf\xe9,2026-01-05 08:00\n".to_vec(), csv_map(), "not in UTF-8"),
        (vec![0xff, 0xfe, 0, 0, b'i', 0, 0, 0], csv_map(), "UTF-32"),
    ] {
        let reason = titles(&bytes, map).unwrap_err();
        assert!(reason.contains(expected), "{expected}: {reason}");
    }
}

#[test]
fn a_broken_row_in_a_good_file_is_one_refused_row() {
    let rows: String = (0..50).map(|n| format!("A{n},泵站停机,2026-01-05 08:00\n")).collect();
    let text = format!("id,title,created\n{rows}");
    let mut bytes = text.clone().into_bytes();
    let broken_at = text.find("A7,").unwrap() + 4;
    bytes[broken_at] = 0xff;
    let found = read_texts(&bytes, csv_map()).unwrap();
    assert_eq!(found.len(), 50);
    let refused: Vec<_> = found.iter().filter(|(_, title)| title.starts_with("refused")).collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].0, "A7", "its ticket is known, so that it can be marked");
    let mut bytes = GB18030.encode(&text).0.into_owned();
    let broken_at = bytes.windows(3).position(|bytes| bytes == b"A7,").unwrap() + 3;
    bytes[broken_at] = 0xff;
    let found = titles(&bytes, named("gb18030")).unwrap();
    let refused: Vec<_> = found.iter().filter(|title| title.starts_with("refused")).collect();
    assert!(refused.len() == 1 && refused[0].contains("gb18030"), "{refused:?}");
}

#[test]
fn a_workbook_is_no_csv() {
    for bytes in [&b"PK\x03\x04\x14\0"[..], b"\xd0\xcf\x11\xe0\xa1\xb1"] {
        let reason = titles(bytes, csv_map()).unwrap_err();
        assert!(reason.contains("format = \"xlsx\""), "{reason}");
    }
    let reason = titles(CHINESE.as_bytes(), map("format = \"xlsx\"", COLUMNS)).unwrap_err();
    assert!(reason.contains("format = \"csv\""), "{reason}");
    let reason = titles(b"PK\x03\x04 no archive", map("format = \"xlsx\"", COLUMNS)).unwrap_err();
    assert!(reason.contains("cannot be read"), "{reason}");
}

#[test]
fn the_header_has_each_column_of_the_map_once() {
    let row = "A1,x,2026-01-05 08:00,y\n";
    for (header, expected) in [
        ("id,title,created,other\n", ""),
        ("id,title,created,\n", ""),
        ("id,title,created,title\n", "2 columns \"title\""),
        ("id,title,created,id\n", "2 columns \"id\""),
        ("\u{feff}id,ti\u{200b}tle, created ,x\n", ""),
        ("id,headline,created,x\n", "no column \"title\""),
        ("number,title,created,x\n", "id = \"{line}\""),
    ] {
        let outcome = titles(format!("{header}{row}").as_bytes(), csv_map());
        let reason = outcome.clone().err().unwrap_or_default();
        assert!(reason.contains(expected) && outcome.is_err() != expected.is_empty(), "{header}: {outcome:?}");
    }
    // Repeated, but not used.
    let text = "id,title,created,x,x\nA1,x,2026-01-05 08:00,1,2\n";
    assert_eq!(titles(text.as_bytes(), csv_map()).unwrap(), ["x"]);
    let reason = titles(b"id;title;created\nA1;x;2026-01-05 08:00\n", csv_map()).unwrap_err();
    assert!(reason.contains("delimiter"), "{reason}");
    assert!(titles(b"", csv_map()).is_err());
}

#[test]
fn a_file_may_have_no_header_and_no_ids() {
    let columns = "id = \"{line}\"\ntitle = \"2\"\ncreated = \"1\"";
    let text = "2026-01-05 08:00;pump;x\n2026-01-05 09:00;\"va\nlve\";y\n2026-01-05 09:30;belt;z";
    let top = "header = false\ndelimiter = \";\"";
    let found = read_texts(text.as_bytes(), map(top, columns)).unwrap();
    let found: Vec<(&str, &str)> = found.iter().map(|(id, title)| (id.as_str(), title.as_str())).collect();
    assert_eq!(found, [("1", "pump"), ("2", "va"), ("4", "belt")]);
    let reason = titles(text.as_bytes(), map(top, COLUMNS)).unwrap_err();
    assert!(reason.contains("1, 2, 3"), "{reason}");
}

#[test]
fn a_quote_that_is_not_closed_is_said() {
    let row = |n: u8, title: &str| format!("A{n},{title},2026-01-05 08:00\n");
    let text = |title: &str, later: &str| {
        ["id,title,created\n".to_owned(), row(1, "a"), row(2, title), row(3, "c"), row(4, later), row(5, "e")].concat()
    };
    let reason = titles(text("\"pump", "d").as_bytes(), csv_map()).unwrap_err();
    assert!(reason.contains("line 3") && reason.contains("never closed"), "{reason}");
    // Another quote ends it, rows later: with the right number of columns, nobody would notice.
    let found = titles(text("\"pump", "\"d\"").as_bytes(), csv_map()).unwrap();
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0] == "a" && found[1].contains("lines 3 to 5") && found[2] == "e", "{found:?}");
    let found = titles(text("\"say \"hi\" there\"", "\"d\" ").as_bytes(), csv_map()).unwrap();
    assert!(found[1].contains("lines 3 to 3") && found[3] == "d", "{found:?}");
    for good in ["\"pump, \"\"big\"\"\"", "5\" pipe", "\"two\nlines\"", "\"\"\"\"", "a\"b\""] {
        let found = titles(text(good, "d").as_bytes(), csv_map()).unwrap();
        assert!(found.len() == 5 && found.iter().all(|title| !title.starts_with("refused")), "{good}: {found:?}");
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(text).unwrap();
    out.finish().unwrap()
}

#[test]
fn gzip_may_have_several_members_and_zeros_at_its_end() {
    let (one, two) = CHINESE.as_bytes().split_at(60);
    let zeros = [0; 1_000];
    for bytes in [
        gzip(CHINESE.as_bytes()),
        [gzip(CHINESE.as_bytes()), zeros.to_vec()].concat(),
        [gzip(one), gzip(two)].concat(),
        [gzip(one), zeros.to_vec(), gzip(two), vec![0]].concat(),
        gzip(&[&b"\xff\xfe"[..], &utf16(CHINESE, true, false)].concat()),
    ] {
        assert_eq!(titles(&bytes, csv_map()), Ok(TITLES.map(str::to_owned).to_vec()));
    }
    let whole = gzip(CHINESE.as_bytes());
    for bytes in
        [whole[..whole.len() - 5].to_vec(), [&whole[..], b"garbage"].concat(), [&whole[..], &whole[..20]].concat()]
    {
        let reason = titles(&bytes, csv_map()).unwrap_err();
        assert!(reason.contains("nothing was imported"), "{reason}");
    }
}

#[test]
fn long_numbers_of_json_stay_exact() {
    let map = || map("format = \"jsonl\"", COLUMNS);
    let line = |id: &str| format!("{{\"id\": {id}, \"title\": \"x\", \"created\": \"2026-01-05T08:00:00Z\"}}\n");
    let ids = [
        "9007199254740992",
        "9007199254740993",
        "18446744073709551617",
        "123456789012345678901234567890",
        "123456789012345678901234567891",
        "1234567890123456789.5",
        "-9007199254740993",
        "0.1",
    ];
    let text: String = ids.iter().map(|id| line(id)).collect();
    let found = read_texts(text.as_bytes(), map()).unwrap();
    assert_eq!(found.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ids);
    // Texts are unescaped, null is nothing, and a key counts once.
    for (json, expected) in [
        (r#"{"id": "A\u0031", "title": "\ud83d\ude00", "created": "2026-01-05T08:00:00Z"}"#, "😀"),
        (r#"{"id": "A1", "title": null, "created": "2026-01-05T08:00:00Z", "x": 1, "x": 2}"#, "A1"),
        (r#"{"id": true, "title": {"a": [1]}, "created": "2026-01-05T08:00:00Z"}"#, r#"{"a": [1]}"#),
        (r#"{"id": "A1", "id": "A2", "title": "x", "created": "2026-01-05T08:00:00Z"}"#, "more than once"),
        (r#"{"id": "A1", "created": "2026-01-05T08:00:00Z"} x"#, "not a JSON object"),
        (r#"["A1"]"#, "not a JSON object"),
    ] {
        let found = titles(json.as_bytes(), map()).unwrap();
        assert!(found.len() == 1 && found[0].contains(expected), "{json}: {found:?}");
    }
    let utf16 = utf16(&line("\"漏\""), true, true);
    assert_eq!(read_texts(&utf16, map()).unwrap()[0].0, "漏");
}

#[test]
fn utf8_is_counted_across_parts() {
    let text = "号线 PM-3300 停机 é\n".repeat(9);
    for size in 1..7 {
        let mut count = Utf8Count::default();
        text.as_bytes().chunks(size).for_each(|part| count.add(part));
        count.finish();
        assert_eq!(count.not_utf8_in_line(), None, "{size}");
        assert!(count.is_surely_utf8(), "{size}");
    }
    let gbk = GBK.encode(&text).0.into_owned();
    for size in 1..7 {
        let mut count = Utf8Count::default();
        gbk.chunks(size).for_each(|part| count.add(part));
        count.finish();
        assert_eq!(count.not_utf8_in_line(), Some(1), "{size}");
    }
    assert_eq!(beginning(&[]), Beginning::Unmarked);
}

/// All records; `None`: an unclosed quote.
fn records(bytes: &[u8]) -> Option<Vec<(CsvLine, bool)>> {
    let mut csv = CsvReader::new(bytes, b',');
    let mut record = CsvRecord::default();
    let mut found = Vec::new();
    while csv.read(&mut record).ok()? {
        let fields = record.fields().map(<[u8]>::to_vec).collect();
        found.push((CsvLine { line: record.line, fields }, record.has_quote_fault));
    }
    Some(found)
}

#[derive(Debug, PartialEq)]
struct CsvLine {
    line: u64,
    fields: Vec<Vec<u8>>,
}

/// What the crate `csv` reads, which is lenient.
fn reference(bytes: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut csv = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    csv.byte_records().map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect()).collect()
}

proptest! {
    #[test]
    fn records_without_a_fault_are_those_of_any_reader(text in "[ab\",\n\r]{0,40}") {
        if let Some(found) = records(text.as_bytes()) && found.iter().all(|(_, has_fault)| !has_fault) {
            let fields: Vec<_> = found.into_iter().map(|(line, _)| line.fields).collect();
            prop_assert_eq!(fields, reference(text.as_bytes()));
        }
    }

    #[test]
    fn what_is_written_is_read_again(rows in proptest::collection::vec(proptest::collection::vec("[ab\", \n\r;号]{0,9}", 2..4), 0..9)) {
        let mut out = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        rows.iter().for_each(|row| out.write_record(row).unwrap());
        let found = records(&out.into_inner().unwrap()).unwrap();
        let fields: Vec<Vec<String>> = found
            .iter()
            .map(|(line, _)| line.fields.iter().map(|field| String::from_utf8(field.clone()).unwrap()).collect())
            .collect();
        prop_assert!(found.iter().all(|(_, has_fault)| !has_fault));
        prop_assert_eq!(fields, rows);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), format in 0..2_usize) {
        let top = ["", "format = \"jsonl\""][format];
        let _ = read_file(&bytes, &reader(map(top, COLUMNS)));
        let _ = beginning(&bytes[..bytes.len().min(HEAD_BYTES)]);
    }
}

#[test]
fn lines_are_counted_whatever_ends_them() {
    for end in ["\n", "\r\n", "\r"] {
        let text = ["a,b", "", "\"c\nd\",e", "f,g"].join(end);
        let lines: Vec<u64> = records(text.as_bytes()).unwrap().into_iter().map(|(line, _)| line.line).collect();
        assert_eq!(lines, [1, 3, 5], "{end:?}");
    }
    let endless = ["id,title,created\nA1,", &"x".repeat(1_100_000)].concat();
    let reason = read_file(endless.as_bytes(), &reader(csv_map())).unwrap_err();
    assert!(reason.contains("line 2"), "{reason}");
}
