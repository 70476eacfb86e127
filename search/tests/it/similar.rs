use std::collections::HashSet;

use search::{Change, Clause, Document, Facet, REASONS_MAX, Reach, ReasonKind, SimilarQuery};

use crate::{ALL, HOSTILE, document, id, index_of, index_of_titles, numbers, question, similar, tagged};

#[test]
fn a_single_document_is_found_only_by_its_own_words() {
    for (title, body, other) in [
        ("Printer jams on page two", "Paper gets stuck in tray 2", "VPN drops every hour"),
        ("打印机无法打印", "更换墨盒后仍提示缺纸", "邮箱登录超时"),
        ("PM-3300 上电报 E-721", "controller restarts", "键盘失灵"),
    ] {
        let (_folder, index) = index_of(vec![document(1, title, body)]);
        let hits = similar(&index, title, body);
        assert_eq!(numbers(&hits), [1]);
        assert!(hits[0].score > 0.98, "{title}: {}", hits[0].score);
        assert!(similar(&index, other, "").is_empty(), "{other} has nothing in common with {title}");
    }
}

#[test]
fn texts_that_share_only_stop_words_are_not_similar() {
    let (_folder, index) = index_of_titles(&[
        "how can I get this to work please",
        "请问我们应该怎么办？谢谢",
        "我的打印机不能用了怎么办",
        "打电话没有人接",
    ]);
    assert!(similar(&index, "what is this and why does it not do that", "").is_empty());
    assert!(similar(&index, "你好，请问这个怎么弄", "").iter().all(|hit| hit.id != id(2) && hit.id != id(4)));
    // 打 and 机 are in common, but no word.
    assert!(similar(&index, "飞机打折", "").is_empty());
}

#[test]
fn more_common_words_give_a_higher_score() {
    for (query, documents) in [
        (
            "printer prints blank pages",
            ["Printer prints blank pages after toner change", "Printer is out of paper", "Monitor stays blank"],
        ),
        ("打印机打印空白页", ["打印机更换硒鼓后打印空白页", "打印机缺纸", "网页打开是空白"]),
        (
            "Outlook 无法连接 Exchange 服务器",
            ["Outlook 连接不上 Exchange 服务器", "Outlook 日历不同步", "数据库服务器磁盘已满"],
        ),
    ] {
        let (_folder, index) = index_of_titles(&documents);
        let hits = similar(&index, query, "");
        assert_eq!(hits.first().map(|hit| hit.id), Some(id(1)), "{query}: {hits:?}");
        assert!(hits.windows(2).all(|pair| pair[0].score >= pair[1].score), "{query}");
        assert!(hits.iter().all(|hit| (0.0..=1.0).contains(&hit.score)), "{query}");
    }
}

#[test]
fn words_match_in_all_forms() {
    let (_folder, index) = index_of_titles(&["printers were disconnecting", "报错ｅ－７２１", "网络连接超时"]);
    assert_eq!(numbers(&similar(&index, "Printer disconnected", "")), [1]);
    assert_eq!(numbers(&similar(&index, "E721", "")), [2]);
    assert_eq!(numbers(&similar(&index, "连接", "")), [3]);
}

#[test]
fn a_code_outweighs_common_words() {
    let mut documents: Vec<_> = (10..60)
        .map(|n| document(n, "设备启动后报警停机", "the machine stops with an alarm after it starts"))
        .collect();
    documents.push(document(1, "更换主控板解决 E-721", ""));
    let (_folder, index) = index_of(documents);
    for (title, body) in [
        ("设备启动后报警停机 e721", ""),
        ("设备报警", "屏幕显示 E-721，设备启动后停机"),
        ("machine stops with alarm E-721 after start", ""),
    ] {
        let hits = similar(&index, title, body);
        assert_eq!(hits[0].id, id(1), "{title}: {hits:?}");
        assert_eq!(hits[0].reasons[0].kind, ReasonKind::Code);
    }
    assert!(similar(&index, "E-722", "").is_empty(), "another code is another thing");
}

#[test]
fn reasons_use_the_spelling_of_the_query() {
    let (_folder, index) = index_of(vec![tagged(1, "PM-3300 打印机 printing fails E-721", &["product=PM-3300"])]);
    let facets = [Facet { name: "product".to_owned(), value: "PM-3300".to_owned(), weight: 0.05 }];
    let none = HashSet::new();
    let query = SimilarQuery { facets: &facets, ..question("打印机 Printed e-721", "the 了", &none) };
    let hits = index.similar(&query).unwrap();
    let reasons: Vec<_> = hits[0].reasons.iter().map(|reason| (reason.kind, reason.value.as_str())).collect();
    assert_eq!(reasons[0], (ReasonKind::Code, "e-721"));
    assert!(reasons.contains(&(ReasonKind::Term, "打印机")) && reasons.contains(&(ReasonKind::Term, "Printed")));
    assert!(reasons.contains(&(ReasonKind::Field, "product=PM-3300")));
    assert!(!reasons.contains(&(ReasonKind::Term, "打印")), "打印 is said by 打印机");
    assert!(hits[0].reasons.windows(2).all(|pair| pair[0].weight >= pair[1].weight));
    assert!(hits[0].reasons.iter().map(|reason| reason.weight).sum::<f32>() <= 1.001);
}

#[test]
fn the_number_of_reasons_is_limited() {
    let text = "alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november";
    let (_folder, index) = index_of_titles(&[text]);
    assert_eq!(similar(&index, text, "")[0].reasons.len(), REASONS_MAX);
    assert_eq!(similar(&index, "mike", "")[0].reasons.len(), 1);
}

#[test]
fn facets_break_ties_but_alone_match_nothing() {
    let documents = vec![
        tagged(1, "screen flickers", &["product=A"]),
        tagged(2, "screen flickers", &["product=B"]),
        tagged(3, "keyboard stuck", &["product=B"]),
    ];
    let (_folder, index) = index_of(documents);
    let facets = [Facet { name: "product".to_owned(), value: "B".to_owned(), weight: 0.05 }];
    let none = HashSet::new();
    let hits = index.similar(&SimilarQuery { facets: &facets, ..question("screen flickers", "", &none) }).unwrap();
    assert_eq!(numbers(&hits), [2, 1]);
    assert!(hits[0].score > hits[1].score && hits[1].score > 0.8);
    for weight in [f32::NAN, f32::INFINITY, -1.0] {
        let facets = [Facet { weight, ..facets[0].clone() }];
        let hits = index.similar(&SimilarQuery { facets: &facets, ..question("screen", "", &none) }).unwrap();
        assert!(hits.iter().all(|hit| (0.0..=1.0).contains(&hit.score)), "{weight}: {hits:?}");
    }
}

#[test]
fn equal_scores_are_ordered_by_id() {
    let (_folder, index) = index_of_titles(&["screen flickers"; 7]);
    assert_eq!(numbers(&similar(&index, "screen flickers", "")), [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn clause_exclusion_limit_and_floor_are_respected() {
    // Two segments, and enough documents that the clause is selective in one case and not in the other.
    let documents = (1..=200)
        .map(|n| tagged(n, "screen flickers", if n % 50 == 0 { &["rare", "solved"] } else { &["solved"] }))
        .collect();
    let (_folder, index) = index_of(documents);
    index.apply(vec![Change::Put(tagged(201, "screen flickers", &["open"])), Change::Remove(id(50))], "2").unwrap();
    let tags = |tags: &[&str]| -> Vec<String> { tags.iter().map(|tag| (*tag).to_owned()).collect() };
    let ask = |all_of: &[&str], any_of: Option<&[&str]>, exclude: &[u128], limit: usize| {
        let clause = Clause { all_of: tags(all_of), any_of: any_of.map(tags).into_iter().collect() };
        let exclude: HashSet<_> = exclude.iter().copied().map(id).collect();
        let query =
            SimilarQuery { clause: &clause, exclude: &exclude, limit, ..question("screen flickers", "", &exclude) };
        numbers(&index.similar(&query).unwrap())
    };
    assert_eq!(ask(&["rare"], None, &[], 10), [100, 150, 200]);
    assert_eq!(ask(&["rare", "solved"], None, &[150], 10), [100, 200]);
    assert_eq!(ask(&["rare", "open"], None, &[], 10), Vec::<u128>::new());
    assert_eq!(ask(&[], Some(&["rare", "open"]), &[], 10), [100, 150, 200, 201]);
    assert_eq!(ask(&["solved"], Some(&["nowhere", "rare"]), &[], 10), [100, 150, 200]);
    assert_eq!(ask(&[], Some(&[]), &[], 10), Vec::<u128>::new());
    assert_eq!(ask(&["solved"], None, &[], 3).len(), 3);
    assert_eq!(ask(&["solved"], None, &[], 0), Vec::<u128>::new());
    assert_eq!(ask(&[], None, &[1, 2, 3], 500).len(), 197);
    let none = HashSet::new();
    let floor = |floor| index.similar(&SimilarQuery { floor, ..question("screen broken", "", &none) }).unwrap().len();
    assert_eq!((floor(0.0), floor(0.99), floor(f32::NAN)), (10, 0, 0));
}

#[test]
fn unrelated_documents_do_not_change_the_ranking() {
    let (_folder, index) = index_of_titles(&[
        "mail server rejects large attachments",
        "mail client shows no attachments",
        "邮件附件无法下载",
        "attachments",
    ]);
    let ask = || (similar(&index, "mail server rejects attachments", ""), similar(&index, "邮件附件下载失败", ""));
    let (before_en, before_zh) = ask();
    let unrelated =
        (1_000..1_800).map(|n| Change::Put(document(n, "屏幕闪烁", &format!("flicker number {n}")))).collect();
    index.apply(unrelated, "2").unwrap();
    let (after_en, after_zh) = ask();
    for (before, after) in [(before_en, after_en), (before_zh, after_zh)] {
        assert_eq!(numbers(&before), numbers(&after));
        for (before, after) in before.iter().zip(&after) {
            assert!((before.score - after.score).abs() < 0.15, "{} became {}", before.score, after.score);
        }
    }
}

#[test]
fn documents_outside_of_the_clause_change_nothing() {
    let own = || {
        let titles = ["coolant leaks from pump 7", "pump 7 is loud", "水泵漏水", "valve leaks"];
        (1..).zip(titles).map(|(n, title)| tagged(n, title, &["own"])).collect::<Vec<_>>()
    };
    let hidden: Vec<_> = (100..400)
        .map(|n| tagged(n, &format!("layoffs at frobozz {n} 水泵 pump leaks"), &["hidden"]))
        .chain([tagged(500, "coolant leaks from pump 7 zarquon", &["hidden"])])
        .collect();
    let clause = Clause { all_of: Vec::new(), any_of: vec![vec!["own".to_owned(), "mine".to_owned()]] };
    let none = HashSet::new();
    let questions = ["coolant leaks from pump 7", "coolant leaks frobozz", "水泵漏水 frobozz", "pump", "layoffs"];
    let ask = |index: &search::Index| {
        let similar = |title| index.similar(&SimilarQuery { clause: &clause, ..question(title, "", &none) }).unwrap();
        let found = |title| index.find(title, &clause, Reach::Extra, 10).unwrap();
        (questions.map(similar), questions.map(found))
    };
    let (_folder, alone) = index_of(own());
    let (_folder, among) = index_of(own());
    among.apply(hidden.into_iter().map(Change::Put).collect(), "2").unwrap();
    assert_eq!(ask(&among), ask(&alone));
    assert_eq!(ask(&among), ask(&alone), "the same from memory");
    // A word of hidden documents is a word of none: neither its weight nor the reasons tell it apart.
    let score = |word: &str| {
        let text = format!("coolant leaks from pump 7 {word}");
        let query = SimilarQuery { clause: &clause, ..question(&text, "", &none) };
        among.similar(&query).unwrap().iter().map(|hit| (hit.id, hit.score, hit.reasons.len())).collect::<Vec<_>>()
    };
    for word in ["layoffs", "frobozz", "zarquon"] {
        assert_eq!(score(word), score("unheardof"), "{word}");
    }
    // What is deleted or becomes hidden counts no longer.
    let change = vec![Change::Remove(id(4)), Change::Put(tagged(2, "pump 7 is loud", &["hidden"]))];
    among.apply(change, "3").unwrap();
    alone.apply(vec![Change::Remove(id(4)), Change::Remove(id(2))], "2").unwrap();
    assert_eq!(ask(&among), ask(&alone));
}

#[test]
fn a_score_is_independent_of_other_results() {
    let (_folder, index) =
        index_of_titles(&["disk full on server", "server down", "disk slow", "server disk full alarm"]);
    let all = similar(&index, "disk full on server", "");
    for hit in &all {
        let exclude: HashSet<_> = all.iter().map(|hit| hit.id).filter(|id| *id != hit.id).collect();
        let query =
            SimilarQuery { exclude: &exclude, clause: &ALL, limit: 1, ..question("disk full on server", "", &exclude) };
        assert_eq!(index.similar(&query).unwrap().first(), Some(hit));
    }
}

#[test]
fn replaced_and_removed_documents_are_not_found() {
    let (_folder, index) = index_of_titles(&["screen flickers", "screen dark"]);
    index
        .apply(vec![Change::Put(document(1, "keyboard stuck", "")), Change::Remove(id(2)), Change::Remove(id(9))], "2")
        .unwrap();
    assert!(similar(&index, "screen", "").is_empty());
    assert_eq!(numbers(&similar(&index, "keyboard", "")), [1]);
    // Twice in one batch: the last one wins.
    let twice = vec![
        Change::Put(document(3, "first", "")),
        Change::Put(document(3, "second", "")),
        Change::Put(document(4, "gone", "")),
        Change::Remove(id(4)),
    ];
    index.apply(twice, "3").unwrap();
    assert!(similar(&index, "first gone", "").is_empty());
    assert_eq!((numbers(&similar(&index, "second", "")), index.len()), (vec![3], 2));
}

#[test]
fn extra_and_restricted_texts_are_not_compared_and_change_no_score() {
    let plain = || vec![document(1, "printer jams 卡纸", ""), document(2, "printer offline 脱机", "")];
    let (_folder, index) = index_of(plain());
    let (_folder, with_texts) = index_of(
        plain()
            .into_iter()
            .map(|document| {
                let (extra, restricted) = ("replaced the fuser 定影器".to_owned(), "卡纸 printer 员工".to_owned());
                Document { extra, restricted, ..document }
            })
            .collect(),
    );
    assert!(similar(&with_texts, "fuser replaced 定影器", "").is_empty());
    for question in ["printer jams 卡纸 定影", "脱机 员工 卡", "printer 换定影器"] {
        assert_eq!(similar(&with_texts, question, ""), similar(&index, question, ""), "{question}");
    }
}

#[test]
fn hostile_texts_are_handled_in_queries_and_documents() {
    let mut documents: Vec<_> = (1..).zip(HOSTILE).map(|(n, text)| tagged(n, text, &[text])).collect();
    documents.push(document(900, &"长文本 ".repeat(200_000), &"word-1 ".repeat(200_000)));
    let (_folder, index) = index_of(documents);
    for text in HOSTILE {
        similar(&index, text, text);
    }
    let hits = similar(&index, &"长文本 ".repeat(200_000), &"x".repeat(1_000_000));
    assert_eq!(numbers(&hits), [900]);
}

#[test]
fn an_empty_index_or_query_gives_no_results() {
    let (_folder, index) = index_of(Vec::new());
    assert!(similar(&index, "printer", "").is_empty() && index.is_empty());
    let (_folder, index) = index_of_titles(&["printer"]);
    assert!(similar(&index, "", "").is_empty());
    assert_eq!(numbers(&similar(&index, "", "printer")), [1]);
}
