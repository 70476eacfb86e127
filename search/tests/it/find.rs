use proptest::prelude::*;
use search::{Change, Clause, Document, Reach, matches};

use crate::{ALL, HOSTILE, document, found, id, index_of, index_of_titles, tagged};

#[test]
fn every_word_is_required() {
    let (_folder, index) = index_of(vec![
        Document {
            extra: "PM-3300 TKN-8X9F2Q-L4M7P".to_owned(),
            ..document(1, "Printers jam", "page two 南京市长江大桥")
        },
        document(2, "打印机报E-721错误", "3.2.1-beta, see https://example.com/log-in"),
        document(3, "printing 打 印", "Ünïcode 12345678"),
    ]);
    for (text, expected) in [
        ("printer", vec![1]),
        ("PRINTERS JAM", vec![1]),
        ("jam two pages", vec![1]),
        ("jam three", vec![]),
        ("print", vec![1, 3]), // the beginning of both
        ("print ", vec![3]),   // a whole word
        ("prin jam", vec![]),  // only the last word may be a beginning
        ("e721", vec![2]),
        ("Ｅ－７２１", vec![2]),
        ("E-7", vec![2]),
        ("pm3300", vec![1]),
        ("3300", vec![1]),
        ("tkn-8x9f", vec![1]),
        ("TKN-8X9F2Q-L4M7P", vec![1]),
        ("长江大桥", vec![1]),
        ("市长", vec![1]), // whatever words it stands in
        ("南京 大桥", vec![1]),
        ("江大", vec![1]),
        ("打印", vec![2]), // not across a gap
        ("打 印", vec![2, 3]),
        ("打印机 e-721", vec![2]),
        ("3.2.1", vec![2]),
        ("example.com", vec![2]),
        ("login", vec![]),
        ("ünïcode", vec![3]),
        ("1234", vec![3]),
        ("p", vec![]),
    ] {
        assert_eq!(found(&index, text), expected, "{text:?}");
    }
}

#[test]
fn the_restricted_text_is_found_by_those_who_may_read_it() {
    let restricted = Document {
        extra: "Zhang 张三".to_owned(),
        restricted: "supplier agreed 保修外 E-721".to_owned(),
        ..document(1, "pump leaks", "")
    };
    let (_folder, index) = index_of(vec![restricted, document(2, "supplier 保修外 E-721", "")]);
    for (text, by_all, by_some) in [
        ("zhang", vec![1], vec![1]),
        ("张三 pump", vec![1], vec![1]),
        ("supplier", vec![2], vec![1, 2]),
        ("保修外", vec![2], vec![1, 2]),
        ("E721", vec![2], vec![1, 2]),
        ("suppl", vec![2], vec![1, 2]),
        // Each word in another text.
        ("pump 张三 supplier", vec![], vec![1]),
    ] {
        let ask = |reach| {
            let mut ids: Vec<u128> =
                index.find(text, &ALL, reach, 10).unwrap().iter().map(|hit| hit.id.as_u128()).collect();
            ids.sort_unstable();
            ids
        };
        assert_eq!((ask(Reach::Extra), ask(Reach::Restricted)), (by_all, by_some), "{text}");
    }
    // Neither the order nor the scores tell of it.
    let order = index.find("supplier", &ALL, Reach::Restricted, 10).unwrap();
    assert_eq!((order[0].id, order[1].score), (id(2), 0.0));
}

#[test]
fn a_text_without_words_finds_nothing() {
    let (_folder, index) = index_of_titles(&["a printer", "，。"]);
    for text in ["", "  ", "!?", "，。", "😀", "\u{0}", "- _ . /"] {
        assert_eq!(found(&index, text), Vec::<u128>::new(), "{text:?}");
        assert!(!matches(text, &[text, "printer"]), "{text:?}");
    }
}

#[test]
fn clause_and_limit_are_respected() {
    let (_folder, index) = index_of(vec![
        tagged(1, "printer", &["team=a", "open"]),
        tagged(2, "printer", &["team=b", "open"]),
        tagged(3, "printer", &["team=b"]),
    ]);
    let ask = |all_of: &[&str], any_of: Option<&[&str]>, limit| {
        let owned = |tags: &[&str]| -> Vec<String> { tags.iter().map(|tag| (*tag).to_owned()).collect() };
        let clause = Clause { all_of: owned(all_of), any_of: any_of.map(owned).into_iter().collect() };
        index.find("printer", &clause, Reach::Extra, limit).unwrap().len()
    };
    assert_eq!(ask(&["open"], None, 10), 2);
    assert_eq!(ask(&["open"], Some(&["team=b"]), 10), 1);
    assert_eq!(ask(&[], Some(&["team=a", "team=b"]), 10), 3);
    assert_eq!(ask(&[], Some(&[]), 10), 0);
    assert_eq!(ask(&[], None, 2), 2);
    assert_eq!(ask(&[], None, 0), 0);
    assert_eq!(ask(&[], None, usize::MAX), 3);
}

#[test]
fn results_are_ordered_by_relevance() {
    let (_folder, index) = index_of(vec![
        document(1, "weekly report", &format!("{} printer", "other words in a long text ".repeat(20))),
        Document { extra: "printer".to_owned(), ..document(2, "weekly report", "short") },
        document(3, "printer", ""),
    ]);
    let order: Vec<u128> =
        index.find("printer", &ALL, Reach::Extra, 10).unwrap().iter().map(|hit| hit.id.as_u128()).collect();
    assert_eq!(order, [3, 1, 2]);
}

#[test]
fn hostile_texts_are_handled() {
    let long = "很长的 text-1 ".repeat(60_000);
    let documents = (1..).zip(HOSTILE.iter().copied().chain([long.as_str()])).map(|(n, text)| document(n, text, text));
    let documents: Vec<Document> = documents.collect();
    let (_folder, index) = index_of(documents.clone());
    for text in HOSTILE.iter().copied().chain([long.as_str()]) {
        assert_agrees(&index, text, &documents);
    }
}

/// The index finds a document if and only if `matches` is true.
fn assert_agrees(index: &search::Index, text: &str, documents: &[Document]) {
    for reach in [Reach::Extra, Reach::Restricted] {
        let is_expected = |d: &&Document| match reach {
            Reach::Extra => matches(text, &[&d.title, &d.body, &d.extra]),
            Reach::Restricted => matches(text, &[&d.title, &d.body, &d.extra, &d.restricted]),
        };
        let mut expected: Vec<u128> = documents.iter().filter(is_expected).map(|d| d.id.as_u128()).collect();
        expected.sort_unstable();
        let mut found: Vec<u128> =
            index.find(text, &ALL, reach, 1_000).unwrap().into_iter().map(|hit| hit.id.as_u128()).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{text:?} {reach:?}");
    }
}

/// Fragments that form words, codes and mixtures.
const PIECES: &[&str] = &[
    "打印",
    "打印机",
    "机",
    "印",
    "南京",
    "市",
    "长江",
    "大桥",
    "的",
    "了",
    "打",
    " ",
    " ",
    "  ",
    "-",
    "-",
    "_",
    ".",
    "/",
    "，",
    "。",
    "E",
    "e",
    "721",
    "7",
    "PM",
    "3300",
    "0x80",
    "print",
    "printer",
    "printing",
    "Print",
    "ing",
    "s",
    "THE",
    "Ｅ",
    "－",
    "７",
    "é",
    "e\u{301}",
    "\u{200B}",
    "\u{0}",
    "😀",
    "\"",
    "*",
    ":",
    "(",
    "AND",
    "İ",
    "ß",
    "ﬁ",
    "あ",
    "ア",
    "한",
    "6ES7",
    "214-1AG40",
    "315",
    "GB/T",
    "1234.5",
    "M8",
    "x",
    "×",
    "40",
    "0x80070005",
    "80070005",
    "—",
    "機",
    "v",
    "1",
    ".2",
    "〇",
    "々",
    "ー",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::collection::vec(prop::sample::select(PIECES), 0..8).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_index_agrees_with_matches(
        texts in prop::collection::vec((text(), text(), text(), text()), 1..12),
        questions in prop::collection::vec(text(), 1..24),
    ) {
        let documents: Vec<Document> = (1..)
            .zip(&texts)
            .map(|(n, (title, body, extra, restricted))| Document {
                extra: extra.clone(),
                restricted: restricted.clone(),
                ..document(n, title, body)
            })
            .collect();
        let (_folder, index) = index_of(documents.clone());
        // Texts of the documents themselves, so that many queries match.
        let own = texts.iter().flat_map(|(title, body, extra, restricted)| [title, body, extra, restricted]);
        for question in questions.iter().chain(own) {
            assert_agrees(&index, question, &documents);
        }
        index.apply(vec![Change::Remove(id(1))], "2").unwrap();
        for question in &questions {
            assert_agrees(&index, question, &documents[1..]);
        }
    }
}
