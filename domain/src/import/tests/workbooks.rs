//! XLSX.

use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet};

use super::super::model::ImportMap;
use super::{at, map, read_file, reader, reasons};

const COLUMNS: &str = "id = \"id\"\ntitle = \"title\"\ncreated = \"created\"\nhand_overs = \"moves\"";

/// Two sheets: notes, and tickets with a blank row between them.
fn workbook() -> Vec<u8> {
    let mut workbook = Workbook::new();
    let mut notes = Worksheet::new();
    notes.set_name("Notes").unwrap().write(0, 0, "see the second sheet").unwrap();
    // A single cell far away.
    notes.write(900_000, 300, "x").unwrap();
    workbook.push_worksheet(notes);
    let mut sheet = Worksheet::new();
    sheet.set_name("工单").unwrap();
    for (column, name) in (0..).zip(["id", "title", "created", "moves"]) {
        sheet.write(0, column, name).unwrap();
    }
    let format = Format::new().set_num_format("yyyy-mm-dd hh:mm");
    let created = ExcelDateTime::from_ymd(2026, 1, 5).unwrap().and_hms(8, 30, 0).unwrap();
    sheet.write(1, 0, 4_711).unwrap().write(1, 1, "泵站停机").unwrap();
    sheet.write_datetime_with_format(1, 2, &created, &format).unwrap().write(1, 3, 1.0).unwrap();
    sheet.write(3, 0, "A2").unwrap().write(3, 2, "2026-01-05 09:00").unwrap();
    sheet.write(4, 0, "A3").unwrap().write(4, 2, true).unwrap();
    workbook.push_worksheet(sheet);
    workbook.save_to_buffer().unwrap()
}

fn xlsx(top: &str) -> ImportMap {
    map(&format!("format = \"xlsx\"\n{top}"), COLUMNS)
}

#[test]
fn a_sheet_is_read_with_its_numbers_and_dates() {
    let rows = read_file(&workbook(), &reader(xlsx("sheet = \"工单\""))).unwrap();
    assert_eq!(rows.len(), 3);
    let first = rows[0].as_ref().unwrap();
    assert_eq!((first.line, first.id.as_str(), first.title.as_str()), (2, "4711", "泵站停机"));
    assert_eq!((first.created, first.hand_overs), (at("2026-01-05T08:30:00Z"), Some(1)));
    let second = rows[1].as_ref().unwrap();
    assert_eq!((second.line, second.id.as_str(), second.title.as_str()), (4, "A2", "A2"));
    assert!(reasons(&rows[2]).contains("true"), "{:?}", rows[2]);
}

#[test]
fn a_sheet_that_is_not_there_or_has_other_columns_is_named() {
    let fault = |top: &str| read_file(&workbook(), &reader(xlsx(top))).unwrap_err();
    let reason = fault("sheet = \"Tickets\"");
    assert!(reason.contains("Tickets") && reason.contains("Notes, 工单"), "{reason}");
    // The first sheet.
    let reason = fault("");
    assert!(reason.contains("see the second sheet"), "{reason}");
}

#[test]
fn a_sheet_may_have_no_header() {
    let columns = "id = \"1\"\ntitle = \"2\"\ncreated = \"3\"";
    let rows =
        read_file(&workbook(), &reader(map("format = \"xlsx\"\nsheet = \"工单\"\nheader = false", columns))).unwrap();
    assert_eq!(rows.len(), 4);
    assert!(rows[0].is_err() && rows[1].as_ref().is_ok_and(|row| row.id == "4711"), "{rows:?}");
}
