//! The text filter of ticket lists: comments, names, references and codes, each found only by those who may read it.

use domain::kernel::{Actor, Page, seconds};
use domain::people::queries::person;
use domain::runtime::Ctx;
use domain::tickets::model::{CreateTicket, Filter, Priority};
use domain::tickets::queries::list;
use tests::{Desk, Json, attribution, json};

const QUERY: &str = "query Q($text: String) { tickets(first: 50, filter: { text: $text }) { nodes { id } } }";
const CASES: &str = "query Q($input: SimilarCasesInput!) { similarCases(input: $input) { score reasons { value } ticket { id access } } }";

/// The tickets that a user finds by a text.
async fn found(desk: &Desk, name: &str, text: &str) -> Vec<String> {
    let found = desk.as_(name).await.query(QUERY, json!({ "text": text })).await;
    let nodes = found["tickets"]["nodes"].as_array().unwrap();
    nodes.iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect()
}

async fn assert_found(desk: &Desk, text: &str, by: &[(&str, &[&String])]) {
    for (name, expected) in by {
        let expected: Vec<String> = expected.iter().map(|id| (*id).clone()).collect();
        assert_eq!(found(desk, name, text).await, expected, "{name}: {text}");
    }
}

async fn comment(desk: &Desk, by: &str, ticket: &str, body: &str, visibility: &str) -> Json {
    let input = json!({ "ticketId": ticket, "body": body, "visibility": visibility });
    desk.as_(by).await.mutate_ok("addComment", "comment { id }", input).await["comment"]["id"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_comments_are_found_by_those_who_may_read_them() {
    let desk = Desk::start().await;
    let more = json!({ "requesterEmail": "requester1@desk.test", "issueType": "REPAIR", "product": "PM-3300" });
    let open =
        desk.create_ticket("requester1", "水泵漏水", json!({ "issueType": "REPAIR", "product": "PM-3300" })).await;
    let solved = desk.create_resolved_ticket("agent1", "coolant leak", "replace the seal", more).await;
    for ticket in [&open, &solved] {
        comment(&desk, "requester1", ticket, "照片见附件 zirconium", "PUBLIC").await;
        comment(&desk, "agent1", ticket, "供应商承认批次缺陷 beryllium E 4711", "INTERNAL").await;
    }
    desk.wait_for_followers().await;
    let both = [&solved, &open];
    let none: &[&String] = &[];
    let sorted = |mut ids: Vec<String>| {
        ids.sort_unstable();
        ids
    };
    for text in ["zirconium", "照片", "ZIRCON", "附件 zirconium"] {
        for name in ["requester1", "colleague1", "agent1", "admin", "pm"] {
            let expected = sorted(both.iter().map(|id| (*id).clone()).collect());
            assert_eq!(sorted(found(&desk, name, text).await), expected, "{name}: {text}");
        }
        // An agent of another team reads the solved one as a case only, another customer's requester none.
        assert_found(&desk, text, &[("agent3", none), ("requester2", none)]).await;
    }
    for text in ["beryllium", "批次缺陷", "E-4711", "漏水 批次", "berylli"] {
        for name in ["agent1", "admin"] {
            assert!(found(&desk, name, text).await.contains(&open), "{name}: {text}");
        }
        let people = ["requester1", "colleague1", "requester2", "agent3"];
        assert_found(&desk, text, &people.map(|name| (name, none))).await;
    }
    // As a case it is found by title and description, and no word of a comment or a name changes that.
    let ask = async |name: &str, text: &str| -> Json {
        desk.as_(name).await.query(CASES, json!({ "input": { "title": text } })).await["similarCases"].clone()
    };
    let case = ask("agent3", "coolant leak unheardof").await;
    assert_eq!((&case[0]["ticket"]["id"], &case[0]["ticket"]["access"]), (&json!(solved), &json!("CASE")));
    for word in ["zirconium", "beryllium", "requester1", "Acme"] {
        assert_eq!(ask("agent3", word).await, json!([]), "{word}");
        assert_eq!(ask("agent3", &format!("coolant leak {word}")).await, case, "{word}");
    }
    for words in ["照片见附件", "批次缺陷", "制造"] {
        assert_eq!(ask("agent3", words).await, json!([]), "{words}");
    }
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redacted_comment_is_found_no_longer() {
    let desk = Desk::start().await;
    let id = desk.create_ticket("requester1", "无法开机", json!({ "issueType": "REPAIR" })).await;
    let public = comment(&desk, "requester1", &id, "电话 13800138000", "PUBLIC").await;
    let internal = comment(&desk, "agent1", &id, "身份证 440101199001011234", "INTERNAL").await;
    desk.wait_for_followers().await;
    for (name, text) in [("requester1", "13800138000"), ("agent1", "440101199001011234")] {
        assert_found(&desk, text, &[(name, &[&id])]).await;
    }
    let redact = json!({ "ticketId": id, "commentIds": [public, internal] });
    desk.as_("admin").await.mutate_ok("redactTicket", "__typename", redact).await;
    desk.wait_for_followers().await;
    for name in ["requester1", "agent1", "admin"] {
        for text in ["13800138000", "电话", "440101199001011234", "身份证"] {
            assert_found(&desk, text, &[(name, &[])]).await;
        }
        assert_found(&desk, "无法开机", &[(name, &[&id])]).await;
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_products_references_and_devices_are_found_with_full_access() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    let named = json!({ "key": "PM-3300", "name": "Power module", "nameZh": "電源模块" });
    admin.mutate_ok("saveProduct", "__typename", named).await;
    let more = json!({
        "requesterEmail": "requester1@desk.test",
        "issueType": "REPAIR",
        "product": "PM-3300",
        "device": "SN-8841-Q",
        "externalRefs": [{ "system": "ERP", "externalId": "SO-991/2" }],
    });
    let id = desk.create_resolved_ticket("agent1", "不工作", "更换", more).await;
    desk.wait_for_followers().await;
    for text in [
        "requester1",
        "Acme",
        "acme 制造",
        "ACME",
        "PM3300",
        "pm‑3300",
        "power module",
        "电源模块",
        "SN8841Q",
        "SO-991",
        "更换",
    ] {
        let all: &[&String] = &[&id];
        assert_found(&desk, text, &[("requester1", all), ("agent1", all), ("admin", all), ("pm", all)]).await;
        assert_found(&desk, text, &[("agent3", &[]), ("requester2", &[])]).await;
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_name_is_found_and_the_old_one_no_longer() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    let more = json!({ "requesterEmail": "requester1@desk.test", "issueType": "REPAIR", "product": "PM-3300" });
    let mut of_customer = Vec::new();
    for n in 0..3 {
        of_customer.push(desk.create_ticket("admin", &format!("泵 {n}"), more.clone()).await);
    }
    let other = json!({ "requesterEmail": "requester2@desk.test", "issueType": "REPAIR", "product": "VPN" });
    desk.create_ticket("admin", "泵", other).await;
    desk.wait_for_followers().await;
    let count = async |text: &str| found(&desk, "admin", text).await.len();
    let user = desk.id("requester1").to_string();
    for (mutation, input, before, after) in [
        ("saveCustomer", json!({ "key": "ACME", "name": "Initech 重工" }), "制造", "initech"),
        ("updateUser", json!({ "userId": user, "name": "Ada Lovelace" }), "requester1", "lovelace"),
        ("saveProduct", json!({ "key": "PM-3300", "name": "Frobnicator" }), "nothing", "frobnicator"),
    ] {
        assert_eq!(
            (count(before).await, count(after).await),
            (if before == "nothing" { 0 } else { 3 }, 0),
            "{mutation}"
        );
        admin.mutate_ok(mutation, "__typename", input).await;
        desk.wait_for_followers().await;
        assert_eq!((count(before).await, count(after).await), (0, 3), "{mutation}");
    }
    admin.mutate_ok("redactUser", "__typename", json!({ "userId": user })).await;
    desk.wait_for_followers().await;
    assert_eq!(count("lovelace").await, 0, "the name is removed");
    // A ticket that changes its product is found by the new one.
    let change = json!({ "ticketId": of_customer[0], "product": "VPN" });
    admin.mutate_ok("updateTicket", "__typename", change).await;
    desk.wait_for_followers().await;
    assert_eq!((count("frobnicator").await, count("vpn").await), (2, 2));
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_customer_with_many_tickets_is_indexed_by_pages() {
    const TICKETS: usize = 520;
    let desk = Desk::start().await;
    let admin = Actor::Person(std::sync::Arc::new(person(&desk.app, desk.id("admin")).await.unwrap().unwrap()));
    let cx = Ctx { actor: admin, ..Ctx::system(&desk.app) };
    for n in 0..TICKETS {
        let create = CreateTicket {
            title: format!("泵 {n}"),
            description: "x".to_owned(),
            priority: Priority::Normal,
            issue_type: None,
            product: None,
            device: None,
            customer_key: Some("ACME".to_owned()),
            requester_email: None,
            requester: None,
            required_skills: Vec::new(),
            external_refs: Vec::new(),
            at: None,
        };
        cx.execute(&create, None).await.unwrap();
    }
    desk.wait_for_followers().await;
    let renamed = json!({ "key": "ACME", "name": "Initech" });
    desk.as_("admin").await.mutate_ok("saveCustomer", "__typename", renamed).await;
    desk.wait_for_followers().await;
    let filter = |text: &str| Filter { text: Some(text.to_owned()), ..Filter::default() };
    let page = Page { limit: 1_000, ..Page::default() };
    assert_eq!(list(&cx, &filter("initech"), None, &page).await.unwrap().edges.len(), TICKETS);
    assert_eq!(list(&cx, &filter("制造"), None, &page).await.unwrap().edges.len(), 0);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_found_in_every_spelling_in_both_searches() {
    let desk = Desk::start().await;
    let part = desk.create_ticket("admin", "6ES7 214-1AG40-0XB0 模块故障", json!({})).await;
    let other = desk.create_ticket("admin", "6ES7 315-2AG10-0AB0 模块故障", json!({})).await;
    let screw = desk.create_ticket("admin", "M8×40 螺栓，符合 GB/T1234.5—2019", json!({})).await;
    let hex = desk.create_ticket("admin", "更新失败 0x80070005", json!({})).await;
    let traditional = desk.create_ticket("admin", "印表機無法列印", json!({})).await;
    desk.wait_for_followers().await;
    for (text, expected) in [
        ("6ES7214-1AG40-0XB0", &part),
        ("6es7 214-1ag40-0xb0", &part),
        ("6ES7 315", &other),
        ("M8x40", &screw),
        ("GB/T 1234.5", &screw),
        ("80070005", &hex),
        ("0X80070005", &hex),
        ("印表机无法列印", &traditional),
    ] {
        assert_found(&desk, text, &[("admin", &[expected])]).await;
    }
    for id in [&part, &other] {
        let to = json!({ "ticketId": id, "assigneeId": desk.id("agent1").to_string() });
        desk.as_("admin").await.mutate_ok("assignTicket", "__typename", to).await;
        let agent = desk.as_("agent1").await;
        agent.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
        let resolve = json!({ "ticketId": id, "attribution": attribution(id) });
        agent.mutate_ok("resolveTicket", "__typename", resolve).await;
    }
    desk.wait_for_followers().await;
    let asked = json!({ "input": { "title": "6ES7214-1AG40-0XB0" } });
    let cases = desk.as_("agent1").await.query(CASES, asked).await["similarCases"].clone();
    assert_eq!(cases[0]["ticket"]["id"], json!(part), "{cases:#}");
    assert_eq!(cases[0]["reasons"][0]["value"], "6ES7214-1AG40-0XB0", "as written in the question");
    assert!(cases.as_array().unwrap().iter().skip(1).all(|case| case["score"].as_f64() < Some(0.2)), "{cases:#}");
    desk.advance(seconds(1)).await;
    desk.close().await;
}
