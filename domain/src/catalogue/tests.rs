use super::decide::{check_aliases, product_terms, recognise_product};
use super::model::{ALIAS_CHARS_MAX, ALIASES_MAX, Entry, Kind, ProductMatch};
use crate::kernel::Code;

fn product(key: &str, name: &str, name_zh: &str, aliases: &[&str]) -> Entry {
    Entry {
        kind: Kind::Product,
        key: key.to_owned(),
        name: name.to_owned(),
        name_zh: Some(name_zh.to_owned()),
        archived: false,
        team: None,
        confidential: false,
        required_skills: Vec::new(),
        aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
    }
}

fn products() -> Vec<Entry> {
    vec![
        product("PM-3300", "Power module", "电源模块", &["720-1188", "功率单元"]),
        product("PM-3300-X", "Power module X", "电源模块X", &[]),
        product("VF-80", "Vacuum furnace", "真空炉", &["720-2050", "RTX 5"]),
        product("VPN", "Remote access", "远程接入", &[]),
        // Two letters stand in too many texts, and so does one ideograph.
        product("IT", "IT", "机", &[]),
        Entry { archived: true, ..product("OLD-7", "Old press", "旧压机", &[]) },
        Entry { kind: Kind::IssueType, ..product("REPAIR", "Repair", "报修", &[]) },
    ]
}

#[test]
fn a_text_names_a_product_by_its_longest_term() {
    let terms = product_terms(&products());
    for (title, description, expected) in [
        ("PM-3300 又报警", "", Some(("PM-3300", "PM-3300"))),
        ("pm3300又报警", "", Some(("PM-3300", "PM-3300"))),
        ("ＰＭ－３３００ 报警", "", Some(("PM-3300", "PM-3300"))),
        ("pm\u{2010}3300 报警", "", Some(("PM-3300", "PM-3300"))),
        ("产线停机", "电源柜的PM_3300坏了", Some(("PM-3300", "PM-3300"))),
        ("PM 3300 alarm", "", Some(("PM-3300", "PM-3300"))),
        ("(PM-3300)", "", Some(("PM-3300", "PM-3300"))),
        // A serial number begins with the model, a part number with its prefix.
        ("PM-3300-0042 is dead", "", Some(("PM-3300", "PM-3300"))),
        ("备件 720-1188-03", "", Some(("PM-3300", "720-1188"))),
        // Not the model, but something that contains its letters.
        ("XPM-3300A", "", None),
        ("PM-33001", "", None),
        ("APM-3300", "", None),
        // Names, in both languages, whatever stands around ideographs.
        ("the power  module hums", "", Some(("PM-3300", "Power module"))),
        ("powermodule", "", Some(("PM-3300", "Power module"))),
        ("power, then module", "", None),
        ("三号线电源模块异响", "", Some(("PM-3300", "电源模块"))),
        ("功率单元过热", "", Some(("PM-3300", "功率单元"))),
        ("vpn 连不上", "", Some(("VPN", "VPN"))),
        // The longest term wins, wherever it stands.
        ("PM-3300", "更准确地说是 PM-3300-X", Some(("PM-3300-X", "PM-3300-X"))),
        ("VPN", "the vacuum furnace is offline", Some(("VF-80", "Vacuum furnace"))),
        // Words apart in the text are words apart in the term.
        ("RTX 5 error", "", Some(("VF-80", "RTX 5"))),
        ("RT X5 error", "", None),
        ("it does not work, 机器坏了", "", None),
        ("OLD-7 旧压机", "", None),
        ("报修 repair", "", None),
        ("", "", None),
    ] {
        let expected = expected.map_or(ProductMatch::Nothing, |(key, term): (&str, &str)| ProductMatch::Product {
            key: key.to_owned(),
            term: term.to_owned(),
        });
        assert_eq!(recognise_product(&terms, title, description), expected, "{title:?} {description:?}");
    }
}

#[test]
fn two_products_named_equally_clearly_are_none() {
    let shared = [product("A-100", "A", "甲机型", &["控制柜"]), product("B-100", "B", "乙机型", &["控制柜"])];
    let terms = product_terms(&shared);
    for (title, expected) in [
        ("A-100 和 B-100 都停了", vec!["A-100", "B-100"]),
        ("控制柜跳闸", vec!["A-100", "B-100"]),
        ("A-100 的 b100", vec!["A-100", "B-100"]),
    ] {
        let keys = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(recognise_product(&terms, title, ""), ProductMatch::Ambiguous(keys), "{title}");
    }
    let named = recognise_product(&terms, "控制柜 A-100", "");
    assert_eq!(named, ProductMatch::Product { key: "A-100".to_owned(), term: "A-100".to_owned() });
}

#[test]
fn quoted_mail_far_below_names_nothing() {
    let terms = product_terms(&products());
    let description = format!("{}PM-3300", "x ".repeat(2_500));
    assert_eq!(recognise_product(&terms, "", &description), ProductMatch::Nothing);
    assert_ne!(recognise_product(&terms, "", &description[100..]), ProductMatch::Nothing);
}

#[test]
fn aliases_are_short_lines_that_can_be_recognised() {
    let check = |given: &[&str]| check_aliases(&given.iter().map(|alias| (*alias).to_owned()).collect::<Vec<_>>());
    assert_eq!(check(&[" PM-3300 ", "电源", "PM-3300"]).unwrap(), ["PM-3300", "电源"]);
    let long = "x".repeat(ALIAS_CHARS_MAX + 1);
    let many = vec!["PM-3300"; ALIASES_MAX + 1];
    for (given, code) in [
        (vec![""], Code::Required),
        (vec!["机"], Code::Invalid),
        (vec!["IT"], Code::Invalid),
        (vec!["--"], Code::Invalid),
        (vec!["a\nb"], Code::Invalid),
        (vec![long.as_str()], Code::TooLong),
        (many, Code::LimitExceeded),
    ] {
        let refusal = check(&given).unwrap_err();
        assert_eq!((refusal.code, refusal.field), (code, vec!["aliases".to_owned()]), "{given:?}");
    }
}
