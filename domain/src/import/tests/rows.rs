//! How one row is read.

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::super::decide::RowReader;
use super::super::decide::order::{RowOrder, SortKey, place};
use super::super::decide::times::{is_rounded_number, whole_number};
use super::super::model::Row;
use super::{NOW, at, english, map, parse, reader, reasons};
use crate::kernel::days;
use crate::tickets::model::TicketStatus;

const LIST: &str =
    "id = \"id\"\ntitle = \"title\"\ncreated = \"created\"\nclosed = \"closed\"\nresponded = \"responded\"";
const LOG: &str = "id = \"id\"\ncreated = \"created\"\nat = \"at\"\nstatus = \"state\"";

/// A row of [`LIST`].
fn listed(id: &str, created: &str, closed: &str) -> String {
    let reader = reader(map("", LIST));
    reasons(&parse(&reader, 2, &[("id", id), ("title", "t"), ("created", created), ("closed", closed)]))
}

#[test]
fn implausible_times_are_refused() {
    let (good, empty) = ("2026-01-05 08:00", "");
    for (created, closed, expected) in [
        (good, empty, ""),
        (good, "2026-01-05 08:00", ""),
        // Years of two digits, and far ones.
        ("0026-01-05 08:00", empty, "created"),
        ("05/01/26 08:00", empty, "created"),
        ("2062-01-05 08:00", empty, "created"),
        ("9999-12-31 08:00", empty, "created"),
        // What spreadsheets and programs make of a missing time.
        ("1970-01-01T00:00:00Z", empty, "created"),
        ("1899-12-30 00:00", empty, "created"),
        (good, "2062-01-05 08:00", "closed"),
        (good, "9999-12-31T23:59:59Z", "closed"),
        (good, "2026-01-05 07:59", "before the ticket was created"),
        ("yesterday", empty, "yesterday"),
    ] {
        let reason = listed("A1", created, closed);
        assert!(reason.contains(expected) && reason.is_empty() == expected.is_empty(), "{created} {closed}: {reason}");
    }
    // The clock of the source may be a little ahead.
    let ahead = |by| (NOW + by).to_string();
    assert_eq!(listed("A1", &ahead(days(1)), ""), "");
    assert!(!listed("A1", &ahead(days(2)), "").is_empty());
}

#[test]
fn a_year_of_two_digits_is_read_where_the_map_says_so() {
    let mut map = map("", LIST);
    map.time_formats = ["%d/%m/%Y", "%d/%m/%y"].map(str::to_owned).to_vec();
    let row = parse(&reader(map), 2, &[("id", "A1"), ("created", "05/01/26")]).unwrap();
    assert_eq!(row.created, at("2026-01-05T00:00:00Z"));
}

#[test]
fn a_zone_in_the_data_can_be_ignored() {
    for (top, text, expected) in [
        ("", "2026-01-05T08:00:00Z", "2026-01-05T08:00:00Z"),
        ("", "2026-01-05T08:00:00", "2026-01-05T00:00:00Z"),
        ("", "2026-01-05", "2026-01-04T16:00:00Z"),
        ("ignore_zone = true", "2026-01-05T08:00:00Z", "2026-01-05T00:00:00Z"),
        ("ignore_zone = true", "2026-01-05T08:00:00+05:00", "2026-01-05T00:00:00Z"),
        ("ignore_zone = true", "2026-01-05 08:00", "2026-01-05T00:00:00Z"),
    ] {
        let reader = reader(map(&format!("time_zone = \"Asia/Shanghai\"\n{top}"), LIST));
        let row = parse(&reader, 2, &[("id", "A1"), ("created", text)]).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        assert_eq!(row.created, at(expected), "{top} {text}");
    }
}

#[test]
fn rows_before_the_creation_are_refused_or_moved_to_it() {
    let early = [("id", "A1"), ("created", "2026-01-05 08:00"), ("at", "2026-01-05 07:00"), ("state", "Work")];
    let refused = parse(&reader(map("", LOG)), 3, &early).unwrap_err();
    assert!(english(&refused.reasons[0]).contains("before its ticket was created"), "{refused:?}");
    assert!(!refused.leaves_gap, "the other rows are its whole history");
    let row = parse(&reader(map("rows_before_created = \"at_created\"", LOG)), 3, &early).unwrap();
    assert_eq!((row.at, row.status), (row.created, Some(TicketStatus::InProgress)));
    // Any other fault leaves a gap in the history of its ticket.
    let unknown = [("id", "A1"), ("created", "2026-01-05 08:00"), ("at", "2026-01-05 09:00"), ("state", "Parked")];
    let refused = parse(&reader(map("", LOG)), 3, &unknown).unwrap_err();
    assert!(refused.leaves_gap && refused.id.as_deref() == Some("A1"), "{refused:?}");
}

#[test]
fn ids_that_look_the_same_are_the_same() {
    let id = |text: &str| {
        let reader = reader(map("", LIST));
        parse(&reader, 2, &[("id", text), ("created", "2026-01-05 08:00")]).map(|row| row.id)
    };
    for text in
        ["A1", "\u{feff}A1", "A\u{200b}1", " A1\u{a0}", "\u{3000}A1", "A1\u{200e}", "A\u{ad}1", "A1\u{0}", "A1\u{2060}"]
    {
        assert_eq!(id(text).unwrap(), "A1", "{text:?}");
    }
    assert!(id("\u{feff}").is_err() && id("-").is_err() && id("\u{200b}-").is_err());
    // Texts for people keep what shapes them, but no mark of a byte order.
    let reader = reader(map("", LIST));
    let family = "\u{feff}👩\u{200d}🔧 停机";
    let row = parse(&reader, 2, &[("id", "A1"), ("title", family), ("created", "2026-01-05 08:00")]).unwrap();
    assert_eq!(row.title, "👩\u{200d}🔧 停机");
}

#[test]
fn a_number_that_a_spreadsheet_rounded_is_no_id() {
    for (text, is_rounded) in [
        ("1.23457E+15", true),
        ("1E+15", true),
        ("1.2e+9", true),
        ("1E15", false),
        ("E+15", false),
        ("4711", false),
        ("A.1E+2", false),
    ] {
        assert_eq!(is_rounded_number(text), is_rounded, "{text}");
    }
    assert!(listed("1.23457E+15", "2026-01-05 08:00", "").contains("rounded"));
}

#[test]
fn a_count_may_be_written_as_spreadsheets_do() {
    for (text, expected) in [("1", Some(1)), ("1.0", Some(1)), ("12.000", Some(12)), ("1.", Some(1)), ("-3", Some(-3))]
    {
        assert_eq!(whole_number(text), expected, "{text}");
    }
    for text in ["1.5", "", ".0", "x", "1e3", "1,0", "١"] {
        assert_eq!(whole_number(text), None, "{text}");
    }
    let columns = format!("{LIST}\nhand_overs = \"moves\"");
    let count =
        |text: &str| parse(&reader(map("", &columns)), 2, &[("id", "A"), ("created", "2026-01-05"), ("moves", text)]);
    assert_eq!(count("1.0").unwrap().hand_overs, Some(1));
    assert_eq!(count("").unwrap().hand_overs, None);
    assert!(count("1.5").is_err() && count("-1").is_err());
}

#[test]
fn maps_name_fixed_values_the_line_and_merged_tickets() {
    let columns = "id = \"{line}\"\ntitle = \"{line}: {text}\"\ncreated = \"created\"\nstatus = \"state\"";
    let mut map = map("", columns);
    map.fixed = toml::from_str("team = \"FIELD\"\nchannel = \"phone\"").unwrap();
    let row = parse(&reader(map), 7, &[("text", "x"), ("created", "2026-01-05"), ("state", "Double")]).unwrap();
    assert_eq!((row.id.as_str(), row.title.as_str()), ("7", "7: x"));
    assert_eq!((row.team.as_deref(), row.channel.as_deref()), (Some("FIELD"), Some("phone")));
    assert_eq!((row.status, row.merged), (Some(TicketStatus::Cancelled), true));
}

#[test]
fn a_map_that_cannot_be_used_says_what_to_do() {
    let fault = |top: &str, columns: &str, fixed: &str| {
        let mut map = map(top, columns);
        map.fixed = toml::from_str(fixed).unwrap();
        RowReader::new(map, &TimeZone::UTC, NOW).err().map(|reason| english(&reason)).unwrap_or_default()
    };
    let (id, created) = ("id = \"id\"", "created = \"created\"");
    for (top, columns, fixed, expected) in [
        ("", format!("{id}\n{created}"), "", ""),
        ("", created.to_owned(), "", "id = \"{line}\""),
        ("", id.to_owned(), "", "columns.created"),
        ("", format!("{id}\nat = \"at\""), "", ""),
        ("", format!("{id}\n{created}"), "id = \"7\"", "fixed.id"),
        ("", format!("{id}\n{created}\nteam = \"team\""), "team = \"A\"", "fixed.team"),
        ("encoding = \"gb18030\"", format!("{id}\n{created}"), "", ""),
        ("encoding = \"klingon\"", format!("{id}\n{created}"), "", "klingon"),
        ("delimiter = \"；\"", format!("{id}\n{created}"), "", "delimiter"),
        ("time_zone = \"Mars\"", format!("{id}\n{created}"), "", "Mars"),
    ] {
        let reason = fault(top, &columns, fixed);
        assert!(reason.contains(expected) && reason.is_empty() == expected.is_empty(), "{top} {columns}: {reason}");
    }
    assert!(toml::from_str::<super::ImportMap>("source = \"S\"\n[columns]\nheadline = \"x\"").is_err());
}

fn ordered(order: &str) -> Row {
    let columns = format!("{LOG}\norder = \"step\"");
    let values = [("id", "A"), ("created", "2026-01-05"), ("at", "2026-01-05"), ("step", order)];
    parse(&reader(map("", &columns)), 2, &values).unwrap_or_else(|e| panic!("{order}: {e:?}"))
}

/// As SQLite compares values of different types.
fn sorts_before(one: &SortKey, other: &SortKey) -> bool {
    let number = |place: &SortKey| match place {
        SortKey::Whole(number) => Some(*number as f64),
        SortKey::Decimal(number) => Some(*number),
        SortKey::Text(_) => None,
    };
    match (one, other) {
        (SortKey::Text(one), SortKey::Text(other)) => one.as_bytes() < other.as_bytes(),
        (one, other) => match (number(one), number(other)) {
            (Some(one), Some(other)) => one < other,
            (one, _) => one.is_some(),
        },
    }
}

#[test]
fn order_columns_may_hold_texts() {
    for increasing in [
        ["1", "2", "10"],
        ["1.0", "1.5", "2"],
        ["-1", "0", "3"],
        ["step-2", "step-10", "step-11"],
        ["A", "B", "C"],
        ["001a", "2a", "010a"],
        ["1", "x", "y"],
        ["2026-01-05 08:00", "2026-01-05 09:00", "2026-01-10 08:00"],
        // By time, not by letters.
        ["31/12/2025 08:00", "01/01/2026 08:00", "02/01/2026 07:00"],
        ["第1步", "第2步", "第10步"],
    ] {
        let places = increasing.map(|text| place(&ordered(text), RowOrder::Column));
        assert!(
            sorts_before(&places[0], &places[1]) && sorts_before(&places[1], &places[2]),
            "{increasing:?} {places:?}"
        );
    }
}

proptest! {
    #[test]
    fn whole_numbers_in_texts_are_in_their_order(one in 0_u64..1_000_000, other in 0_u64..1_000_000) {
        let places = [one, other].map(|number| place(&ordered(&format!("step {number}")), RowOrder::Column));
        prop_assert_eq!(sorts_before(&places[0], &places[1]), one < other);
    }

    #[test]
    fn no_value_makes_the_reader_panic(values in proptest::collection::vec(".{0,40}", 8)) {
        let columns = format!("{LIST}\nat = \"at\"\norder = \"o\"\nstatus = \"s\"\nhand_overs = \"h\"");
        let names = ["id", "title", "created", "closed", "responded", "at", "o", "h"];
        let values: Vec<(&str, &str)> = names.into_iter().zip(values.iter().map(String::as_str)).collect();
        let _ = parse(&reader(map("", &columns)), 2, &values);
    }
}
