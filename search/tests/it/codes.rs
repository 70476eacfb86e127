//! Part numbers, standards, dimensions, error codes and Chinese characters in every spelling.

use search::ReasonKind;

use crate::{document, found, index_of, index_of_titles, numbers, similar};

/// Spellings of one thing, each found by all others.
const SPELLINGS: &[&[&str]] = &[
    &["6ES7 214-1AG40-0XB0", "6ES7214-1AG40-0XB0", "6es7 214-1ag40-0xb0", "６ＥＳ７ ２１４－１ＡＧ４０－０ＸＢ０"],
    &["6ES7\u{A0}214\u{2013}1AG40\u{2014}0XB0", "6ES7 214-1AG40-0XB0"],
    &["GB/T 1234.5", "GB/T1234.5", "GBT 1234.5", "GBT1234.5", "gb/t 1234.5", "ＧＢ／Ｔ　1234.5"],
    &["GB/T 1234.5-2019", "GB/T1234.5—2019", "GBT 1234.5－2019"],
    &["ISO 9001", "ISO9001", "iso-9001"],
    &["M8x40", "M8×40", "M8X40", "M8✕40", "M8 x 40", "M8 × 40", "m8*40"],
    &["M8×1.25", "M8x1.25", "M8 x 1.25"],
    &["10x20x30mm", "10 × 20 × 30mm", "10*20*30mm"],
    &["0x80070005", "0X80070005", "80070005"],
    &["0x8007000E", "8007000e", "0X8007000E"],
    &["E-721", "E721", "E 721", "E_721", "e-721", "E—721", "E－721", "Ｅ―７２１", "E−721"],
    &["PM-3300", "PM3300", "pm‐3300", "PM‑3300"],
    &["繁體", "繁体"],
    &["印表機無法列印標籤", "印表机无法列印标签"],
    &["伺服馬達過載", "伺服马达过载"],
];

#[test]
fn every_spelling_finds_every_other_one() {
    for spellings in SPELLINGS {
        for written in *spellings {
            let (_folder, index) = index_of_titles(&[&format!("更换 {written}，正常"), "其他 nothing"]);
            for asked in *spellings {
                assert_eq!(found(&index, asked), [1], "the text filter: {asked:?} finds {written:?}");
                assert_eq!(found(&index, &format!("{asked} 更换")), [1], "with a word: {asked:?} finds {written:?}");
                assert_eq!(numbers(&similar(&index, asked, "")), [1], "similar: {asked:?} finds {written:?}");
                assert!(search::matches(asked, &[written]), "in memory: {asked:?} finds {written:?}");
            }
        }
    }
}

#[test]
fn other_codes_are_not_found() {
    for (written, asked) in [
        ("6ES7 315-2AG10-0AB0", "6ES7 214-1AG40-0XB0"),
        ("6ES7 315-2AG10-0AB0", "6ES7 214"),
        ("6ES7 214-1AG40-0XB0", "6ES7 214-1BG40-0XB0"),
        ("GB/T 12345", "GB/T 1234.5"),
        ("GB 1234.5", "GB/T 1234.5"),
        ("GB/T 1234.5", "GB/T 1234.5-2019"),
        ("M8x40", "M8x45"),
        ("M8x40", "M6x40"),
        ("0x80070005", "80070006"),
        ("E-721", "E 722"),
    ] {
        let (_folder, index) = index_of_titles(&[written]);
        assert_eq!(found(&index, asked), Vec::<u128>::new(), "{asked} is not {written}");
        assert!(!search::matches(asked, &[written]), "{asked} is not {written}");
    }
}

#[test]
fn a_part_of_a_code_finds_it() {
    let (_folder, index) =
        index_of_titles(&["6ES7 214-1AG40-0XB0", "6ES7315-2AG10-0AB0", "GB/T 1234.5-2019", "M8 x 40"]);
    for (asked, expected) in [
        ("6ES7", vec![1, 2]),
        ("6ES7 214", vec![1]),
        ("6ES7214", vec![1]),
        ("6ES7 214-1AG", vec![1]),
        ("214-1AG40-0XB0", vec![1]),
        ("6es7 31", vec![2]),
        ("315-2AG10-0AB0", vec![2]),
        ("GB/T 1234.5", vec![3]),
        ("1234.5", vec![3]),
        ("GB/T", vec![3]),
        ("M8", vec![4]),
        ("M8 screw", vec![]),
    ] {
        assert_eq!(found(&index, asked), expected, "{asked}");
    }
}

#[test]
fn words_that_only_look_like_one_code_are_found_apart() {
    let (_folder, index) =
        index_of_titles(&["plan B covers line 300", "module 214 of the CPU 6ES7", "take 100 of them"]);
    assert_eq!(found(&index, "B 300"), [1]);
    assert_eq!(found(&index, "6ES7 214 "), [2]);
    assert_eq!(found(&index, "a 100"), Vec::<u128>::new(), "a is a word, and document 3 does not contain it");
}

#[test]
fn the_exact_part_is_first_and_another_of_its_family_weak() {
    let (_folder, index) = index_of(vec![
        document(1, "更换 6ES7 315-2AG10-0AB0 后通讯正常", "CPU 通讯中断，报警灯亮"),
        document(2, "6ES7214-1AG40-0XB0", "已更换"),
        document(3, "CPU 通讯中断，报警灯亮", ""),
        document(4, "6ES7 315-2AG10-0AB0", ""),
    ]);
    for (asked, body) in [
        ("6ES7 214-1AG40-0XB0", ""),
        ("6ES7214-1AG40-0XB0 故障", ""),
        ("6ES7 214-1AG40-0XB0 已坏", "PLC"),
        ("6ES7 214", ""),
    ] {
        let hits = similar(&index, asked, body);
        assert_eq!(numbers(&hits).first(), Some(&2), "{asked}: {hits:#?}");
        let weak = hits.iter().find(|hit| hit.id.as_u128() == 4).map_or(0.0, |hit| hit.score);
        assert!(weak < hits[0].score / 2.0, "{asked}: {weak} of {}", hits[0].score);
    }
    assert!(numbers(&similar(&index, "6ES7 214-1AG40-0XB0", "")).iter().all(|n| *n != 3));
}

#[test]
fn reasons_show_the_text_as_written() {
    let (_folder, index) = index_of_titles(&[
        "更换 6ES7214-1AG40-0XB0 打印机",
        "6ES7 315-2AG10-0AB0",
        "符合 GB/T1234.5 与 M8x40",
        "错误 0x80070005",
    ]);
    let reasons = |asked: &str| -> Vec<(u128, ReasonKind, String)> {
        let hits = similar(&index, asked, "");
        hits.iter().flat_map(|hit| hit.reasons.iter().map(|r| (hit.id.as_u128(), r.kind, r.value.clone()))).collect()
    };
    let code = |n: u128, value: &str| (n, ReasonKind::Code, value.to_owned());
    // One reason for a part number with its groups, and the family of another one.
    let all = reasons("6ES7 214-1AG40-0XB0 印表機 打印機");
    assert_eq!(all.iter().filter(|(n, kind, _)| (*n, *kind) == (1, ReasonKind::Code)).count(), 1, "{all:?}");
    assert!(all.contains(&code(1, "6ES7 214-1AG40-0XB0")), "{all:?}");
    assert!(all.contains(&(1, ReasonKind::Term, "打印機".to_owned())), "{all:?}");
    assert!(reasons("6ES7 214-1AG40-0XB0").iter().all(|(n, _, value)| *n == 1 || value == "6ES7"), "{all:?}");
    let all = reasons("GBT 1234.5 M8 × 40");
    assert!(all.contains(&code(3, "GBT 1234.5")) && all.contains(&code(3, "M8 × 40")), "{all:?}");
    assert!(reasons("0X80070005").contains(&code(4, "0X80070005")));
}
