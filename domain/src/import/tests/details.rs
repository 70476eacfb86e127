//! The requester, comments, and numbers in other systems.

use uuid::Uuid;

use super::super::decide::details::{COMMENTS_MAX, comments, description, email_in};
use super::super::decide::history::Ids;
use super::super::model::{Field, MapNote, Row, SourceComment};
use super::{at, english, map, parse, reader, reasons};
use crate::kernel::{Locale, TicketId, UserId};
use crate::tickets::model::Visibility;

const COLUMNS: &str = "id = \"id\"\ncreated = \"created\"\nrequester = \"by\"\ncomments = \"said\"";
const CREATED: &str = "2026-01-05T08:00:00Z";

fn row(by: &str, said: &str) -> Row {
    parsed(by, said).unwrap_or_else(|refused| panic!("{}", refused.reason(Locale::En)))
}

fn parsed(by: &str, said: &str) -> Result<Row, super::super::model::RejectedRow> {
    parse(&reader(map("", COLUMNS)), 2, &[("id", "T"), ("created", CREATED), ("by", by), ("said", said)])
}

#[test]
fn an_email_address_is_found_in_a_name() {
    for (text, expected) in [
        ("Wang <Wang@Example.com>", Some("wang@example.com")),
        ("li@example.com", Some("li@example.com")),
        ("王工", None),
        ("王工 <3 号线>", None),
        ("call me @ noon", None),
    ] {
        assert_eq!(email_in(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn a_requester_without_an_account_is_named_in_the_description() {
    let rows = [Row { description: "停机".to_owned(), ..row("王工", "") }];
    let mut ids = Ids::default();
    assert_eq!(description(&rows, &ids, Locale::ZhCn), "停机\n\n报修人（源系统）：王工");
    assert_eq!(description(&rows, &ids, Locale::En), "停机\n\nRequester (source): 王工");
    ids.requesters.insert("王工".to_owned(), UserId(Uuid::nil()));
    assert_eq!(description(&rows, &ids, Locale::En), "停机");
    let long = [Row { description: "x".repeat(20_000), ..rows[0].clone() }];
    let text = description(&long, &Ids::default(), Locale::En);
    assert!(text.chars().count() == 20_000 && text.ends_with("…\n\nRequester (source): 王工"));
}

#[test]
fn comments_are_a_list_or_a_text() {
    let one = |text: &str| {
        vec![SourceComment { at: at(CREATED), author: None, text: text.to_owned(), visibility: Visibility::Internal }]
    };
    let listed = r#"[{"at": "2026-01-05 09:00", "author": " ann ", "text": "called", "visibility": "public"},
        {"at": "2026-01-01T00:00:00Z", "text": "earlier than its ticket"}, {"text": "  "}]"#;
    let expected = vec![
        SourceComment {
            at: at("2026-01-05T09:00:00Z"),
            author: Some("ann".to_owned()),
            text: "called".to_owned(),
            visibility: Visibility::Public,
        },
        one("earlier than its ticket").remove(0),
    ];
    for (value, expected) in [
        ("", vec![]),
        ("called back", one("called back")),
        ("[2024-01-05] called back", one("[2024-01-05] called back")),
        ("[]", vec![]),
        (listed, expected),
    ] {
        assert_eq!(row("", value).comments, expected, "{value}");
    }
    let many = serde_json::to_string(&vec![serde_json::json!({ "text": "x" }); COMMENTS_MAX + 1]).unwrap();
    for (value, expected) in [
        (r#"[{"body": "x"}]"#, "said: the comments are no list of objects"),
        (r#"[{"text": "x", "at": "yesterday"}]"#, "yesterday"),
        (r#"[{"text": "x", "visibility": "secret"}]"#, "\"secret\" must be PUBLIC or INTERNAL"),
        (many.as_str(), "201 comments in one row; at most 200"),
    ] {
        let reason = reasons(&parsed("", value));
        assert!(reason.contains(expected), "{value}: {reason}");
    }
}

#[test]
fn a_comment_is_the_same_in_every_import_and_names_an_unknown_author() {
    let (ann, source) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
    let mut ids = Ids { source_account: Some(source), ..Ids::default() };
    ids.authors.insert("ann".to_owned(), ann);
    let said = r#"[{"at": "2026-01-05 10:00", "author": "bob", "text": "later"}, {"at": "2026-01-05 09:00", "author": "ann", "text": "called"}]"#;
    let ticket = TicketId(Uuid::from_u128(7));
    // A log repeats what was said on every row.
    let rows = [row("", said), row("", said)];
    let found = comments(ticket, &rows, &ids, Locale::En);
    let texts: Vec<(UserId, &str)> = found.iter().map(|comment| (comment.author, comment.body.as_str())).collect();
    assert_eq!(texts, [(ann, "called"), (source, "bob (source): later")], "by time");
    let again = comments(ticket, &rows[..1], &ids, Locale::ZhCn);
    let ids_of =
        |comments: &[crate::tickets::model::Comment]| comments.iter().map(|comment| comment.id).collect::<Vec<_>>();
    assert_eq!(ids_of(&found), ids_of(&again));
    assert_ne!(ids_of(&found), ids_of(&comments(TicketId(Uuid::from_u128(8)), &rows, &ids, Locale::En)));
}

#[test]
fn numbers_in_other_systems_are_read_by_system() {
    let top = "[references]\nERP = \"erp\"\nCRM = \"C-{crm}\"";
    let columns = "id = \"id\"\ncreated = \"created\"";
    // TOML: the table of references ends the lines at the top, so it stands behind the columns.
    let mut given = map("", columns);
    given.references = toml::from_str::<toml::Table>(top).unwrap()["references"].clone().try_into().unwrap();
    let reader = reader(given.clone());
    let values = [("id", "T"), ("created", CREATED), ("erp", "SO-1"), ("crm", "9")];
    let row = parse(&reader, 2, &values).unwrap();
    let named: Vec<(&str, &str)> =
        row.references.iter().map(|reference| (reference.system.as_str(), reference.external_id.as_str())).collect();
    assert_eq!(named, [("CRM", "C-9"), ("ERP", "SO-1")]);
    assert_eq!(parse(&reader, 2, &values[..3]).unwrap().references.len(), 1, "an empty column gives none");
    assert!(reader.uses("crm"));
    let names = ["id", "created", "erp"].map(str::to_owned);
    assert!(english(&reader.check_columns(&names).unwrap_err()).contains("crm"));
    let rounded = [("id", "T"), ("created", CREATED), ("erp", "1.23457E+15"), ("crm", "")];
    assert!(reasons(&parse(&reader, 2, &rounded)).contains("rounded"));
    given.references.insert("S".to_owned(), "erp".to_owned());
    let refused = super::super::decide::RowReader::new(given, &jiff::tz::TimeZone::UTC, super::NOW).err().unwrap();
    assert!(english(&refused).contains("references.S"), "the source's own key");
}

#[test]
fn what_a_map_leaves_out_is_said_before_the_first_row() {
    let all =
        "fault_type = \"f\"\nroot_cause_level = \"l\"\nsolution_tag = \"s\"\nresolution = \"r\"\nassignee = \"a\"";
    let missing = |fields: &[Field]| vec![MapNote::PartialAttribution { missing: fields.to_vec() }];
    for (columns, expected) in [
        ("", vec![]),
        (all, vec![]),
        (
            "resolution = \"r\"\ncause_tag = \"c\"",
            missing(&[Field::FaultType, Field::RootCauseLevel, Field::SolutionTag, Field::Assignee]),
        ),
        ("operator = \"o\"", vec![MapNote::Operators]),
    ] {
        let reader = reader(map("", &format!("id = \"id\"\ncreated = \"created\"\n{columns}")));
        assert_eq!(reader.notes(), expected, "{columns}");
    }
    // Long texts are cut, and that is said.
    let columns = "id = \"id\"\ntitle = \"title\"\ncreated = \"created\"\nresolution = \"r\"";
    let (title, text) = ("t".repeat(201), "x".repeat(20_001));
    let values = [("id", "T"), ("created", CREATED), ("title", title.as_str()), ("r", text.as_str())];
    let row = parse(&reader(map("", columns)), 2, &values).unwrap();
    assert_eq!(row.truncated, [Field::Title, Field::Resolution]);
    // A long cause is no key where the map gives no attribution.
    let columns = "id = \"id\"\ncreated = \"created\"\ncause_tag = \"c\"";
    let values = [("id", "T"), ("created", CREATED), ("c", &text[..300])];
    assert_eq!(parse(&reader(map("", columns)), 2, &values).unwrap().cause_tag.map(|tag| tag.len()), Some(300));
}
