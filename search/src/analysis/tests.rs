use super::*;

/// The terms of a text in their indexed form, without characters and stop words.
fn forms(text: &str) -> Vec<String> {
    let terms = terms(text).into_iter();
    terms.filter(|term| matches!(term.kind, Kind::Word | Kind::Subword | Kind::Code)).map(|term| term.form).collect()
}

#[test]
fn codes_stay_whole_in_every_spelling() {
    for (text, code) in [
        ("E-721", "#e721"),
        ("e-721", "#e721"),
        ("E721", "#e721"),
        ("E_721", "#e721"),
        ("报E-721错误", "#e721"),
        ("报错Ｅ－７２１，请处理", "#e721"),
        ("E\u{2011}721", "#e721"),
        ("E\u{2013}721", "#e721"),
        ("E\u{200B}-721", "#e721"),
        ("(E-721).", "#e721"),
        ("PM-3300上电", "#pm3300"),
        ("TI-84/PM-3300", "#pm3300"),
        ("0x80070005", "80070005"),
        ("0X8007000E", "#8007000e"),
        ("8007000e", "#8007000e"),
        ("0x1F", "#0x1f"),
        ("E 721", "#e721"),
        ("E\u{2014}721", "#e721"),
        ("6ES7 214-1AG40-0XB0", "#6es72141ag400xb0"),
        ("6es7214\u{2014}1AG40-0XB0", "#6es72141ag400xb0"),
        ("GB/T 1234.5", "#gbt1234.5"),
        ("GB/T1234.5", "#gbt1234.5"),
        ("GBT 1234.5-2019", "#gbt1234.52019"),
        ("M8\u{D7}40", "#m8x40"),
        ("M8 x 40", "#m8x40"),
        ("ORA-00600: internal", "#ora00600"),
        ("TKN-8X9F2Q-L4M7P", "#tkn8x9f2ql4m7p"),
        ("net::ERR_CONNECTION_REFUSED", "#errconnectionrefused"),
        ("550e8400-e29b-41d4-a716-446655440000", "#550e8400e29b41d4a716446655440000"),
    ] {
        let found = terms(text);
        assert!(found.iter().any(|term| term.form == code && term.kind == Kind::Code), "{text}: {found:?}");
    }
}

#[test]
fn parts_of_a_code_are_found_too() {
    for (text, groups, words) in [
        ("6ES7 214-1AG40-0XB0", vec!["6ES7", "6ES7 214", "6ES7 214-1AG40", "214-1AG40-0XB0"], vec![]),
        ("6ES7214-1AG40-0XB0", vec!["6ES7", "6ES7214", "6ES7214-1AG40", "214-1AG40-0XB0"], vec![]),
        ("6ES7 214", vec!["6ES7"], vec!["214"]),
        ("6SE70 21-1EB51", vec!["6SE70", "6SE70 21", "21-1EB51"], vec![]),
        ("GB/T 1234.5", vec![], vec!["GB/T", "1234.5"]),
        ("GBT1234.5-2019", vec!["GBT1234.5"], vec!["GBT", "1234.5"]),
        ("iso 9001", vec![], vec!["iso", "9001"]),
        ("M8x40mm", vec!["M8", "M8x40"], vec![]),
        ("10 x 20 × 30", vec![], vec![]),
        ("E 721", vec![], vec!["E", "721"]),
    ] {
        let text = normalise(text);
        assert_eq!(runs(&text), [Run::Latin(&text)], "one run");
        assert_eq!(compound(&text), Some(codes::Compound { groups, words }), "{text}");
    }
    for text in ["E-721", "a 100", "iso 3", "GBX 1234", "0x80070005", "PM-3300 24", "v1.2.3", "24h 500mb", "x", "40"] {
        assert_eq!(compound(text), None, "{text}");
        assert!(runs(text).len() == text.split(' ').count(), "{text}");
    }
}

#[test]
fn text_without_codes_becomes_words() {
    for (text, expected) in [
        ("24h 500mb 3rd", vec!["24h", "500mb", "3rd"]),
        ("2026-01-15", vec!["2026", "01", "15"]),
        ("v10.0.3 10.0.0.7:8080", vec!["10.0.3", "10.0.0.7", "8080"]),
        ("log-in foo_bar", vec!["log", "foo", "bar"]),
        ("windows-10", vec!["#windows10", "window"]),
        ("www.example.com/path", vec!["www", "exampl", "com", "path"]),
        ("- -- _ . / -a- .b.", vec!["b"]),
    ] {
        assert_eq!(forms(text), expected, "{text}");
    }
}

#[test]
fn words_are_folded_stemmed_and_truncated() {
    for (text, expected) in [
        ("The printers are printing", vec!["printer", "print"]),
        ("ＶＰＮ连接失败", vec!["vpn", "连接", "失败"]),
        ("打印机无法打印", vec!["打印", "印机", "打印机", "无法", "打印"]),
        ("Café CAFÉ", vec!["café", "café"]),
        ("Straße naïve", vec!["straße", "naïve"]),
        ("ﬁle №5", vec!["file", "no5"]),
        ("the of and 的 了 吗", vec![]),
        (" ，。! \u{0} 😀 ＊（） AND OR", vec![]),
    ] {
        let expected: Vec<&str> = expected;
        let found: Vec<String> = forms(text).into_iter().map(|form| form.replace('#', "")).collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn surfaces_keep_the_original_spelling() {
    let found = terms("Printers 报Ｅ-７２１ Exploded");
    let surfaces: Vec<&str> = found.iter().filter(|t| t.kind != Kind::Character).map(|t| t.surface.as_str()).collect();
    assert_eq!(surfaces, ["Printers", "报", "E-721", "Exploded"]);
    let of = |text: &str| -> Vec<(String, String)> {
        terms(text).into_iter().filter(|t| t.kind == Kind::Word).map(|t| (t.form, t.surface)).collect()
    };
    assert_eq!(of("標籤"), [("标签".to_owned(), "標籤".to_owned())]);
    assert_eq!(of("打印機"), [("打印机".to_owned(), "打印機".to_owned())]);
}

#[test]
fn stop_words_and_characters_have_their_own_kinds() {
    let found = terms("怎么打印 the");
    let of = |kind| -> Vec<&str> { found.iter().filter(|t| t.kind == kind).map(|t| t.form.as_str()).collect() };
    assert_eq!(of(Kind::StopWord), ["怎么", "the"]);
    assert_eq!(of(Kind::Character), ["·怎", "·么", "·打", "·印"]);
    assert_eq!(of(Kind::Word), ["打印"]);
}

#[test]
fn runs_are_of_one_script() {
    use Run::{Han, Latin};
    let text = normalise("报E-721错误，VPN 断了。あア한국 v1.2-");
    assert_eq!(
        runs(&text),
        [Han("报"), Latin("E-721"), Han("错误"), Latin("VPN"), Han("断了"), Han("あア"), Latin("한국"), Latin("v1.2"),]
    );
}

#[test]
fn long_texts_are_truncated() {
    assert!(normalise(&"长".repeat(1_000_000)).len() <= TEXT_BYTES_MAX);
    assert!(forms(&"x".repeat(1_000_000)).is_empty());
    assert_eq!(truncate("长长", 4), "长");
}

/// If this fails, the analysis has changed: increment `FORMAT` in generation.rs, then update the number here.
#[test]
fn the_analysis_matches_the_format() {
    let text = "The printers' E-721，打印机无法打印 怎么办？ ORA-00600 v1.2.3 24h ERR_NO_PAPER 网络连接超时 windows-10 あア 6ES7 214-1AG40 GB/T 1234.5-2019 M8×40 0x80070005 標籤";
    let all: String = terms(text).into_iter().map(|term| term.form + " ").collect();
    let latin: Vec<String> = crate::find::latin_forms("ORA-00600/v1.2-Printers");
    assert_eq!(crate::profile::hash(&format!("{all}{latin:?}")), 1_541_733_890);
}
