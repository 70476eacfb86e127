//! A survey when a ticket closes: asked once, answered with one tap, by link or signed in; the last answer counts.

use domain::kernel::{days, seconds};
use tests::providers::Post;
use tests::{Desk, Json, attribution, json};

const RATING: &str = "query Q($id: ID!) { ticket(id: $id) { rating { score comment by { name } askedAt } } }";

async fn rating(desk: &Desk, name: &str, id: &str) -> Json {
    desk.as_(name).await.query(RATING, json!({ "id": id })).await["ticket"]["rating"].clone()
}

async fn closed(desk: &Desk) -> String {
    let more = json!({ "requesterEmail": "requester1@desk.test", "issueType": "REPAIR" });
    let id = desk.resolved("agent1", "E-42 漏液", "更换密封圈", more).await;
    desk.as_("requester1").await.done("closeTicket", "__typename", json!({ "ticketId": id })).await;
    id
}

/// The tokens of the links in letters to somebody, in their order.
fn tokens(post: &Post, to: &str) -> Vec<String> {
    let letters = post.letters().into_iter().filter(|letter| letter.to == to);
    let token = |text: String| {
        let text = text.replace("=\n", "");
        text.split("/rate/").nth(1).map(|rest| rest.chars().take_while(char::is_ascii_hexdigit).collect())
    };
    letters.filter_map(|letter| token(letter.text)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_answers_without_signing_in_and_only_what_it_is_for() {
    let post = Post::start("").await;
    let url = post.url.clone();
    let desk = Desk::configured(|config| {
        config.channels.email.smtp_url = url.as_str().into();
        config.channels.email.from = "Buoy <buoy@desk.test>".into();
        config.notifications.public_url = "https://buoy.test".into();
    })
    .await;
    let english = json!({ "language": "ENGLISH" });
    desk.as_("requester1").await.done("saveNotificationPreference", "__typename", english).await;
    let id = closed(&desk).await;
    desk.advance(seconds(1)).await;
    let links = tokens(&post, "requester1@desk.test");
    assert_eq!(links.len(), 1, "{:#?}", post.letters());
    let nobody = desk.nobody();
    let about = "query Q($token: String!) { survey(token: $token) { title score } }";
    let seen = nobody.query(about, json!({ "token": links[0] })).await;
    assert_eq!(seen["survey"], json!({ "title": "E-42 漏液", "score": null }), "looking answers nothing");
    assert_eq!(rating(&desk, "agent1", &id).await["score"], json!(null));
    for (score, comment) in [(2, "慢"), (5, "后来很好")] {
        let answer = json!({ "token": links[0], "score": score, "comment": comment });
        assert_eq!(nobody.done("answerSurvey", "score", answer).await["score"], score);
    }
    let kept = rating(&desk, "agent1", &id).await;
    assert_eq!(
        (&kept["score"], &kept["comment"], &kept["by"]["name"]),
        (&json!(5), &json!("后来很好"), &json!("requester1"))
    );
    // Another ticket's link, a changed one, one that is too old.
    let mut changed = links[0].clone();
    changed.replace_range(63..64, if changed.ends_with('0') { "1" } else { "0" });
    for token in [changed.as_str(), "", "zz"] {
        let (code, field) = nobody.refused("answerSurvey", json!({ "token": token, "score": 1 })).await;
        assert_eq!((code.as_str(), field.as_str()), ("TOKEN_INVALID", "token"));
        assert_eq!(nobody.ask(about, json!({ "token": token })).await.code(), "NOT_FOUND");
    }
    let (code, field) = nobody.refused("answerSurvey", json!({ "token": links[0], "score": 6 })).await;
    assert_eq!((code.as_str(), field.as_str()), ("INVALID", "score"));
    desk.advance(days(31)).await;
    let (code, _) = nobody.refused("answerSurvey", json!({ "token": links[0], "score": 1 })).await;
    assert_eq!(code, "TOKEN_INVALID");
    assert_eq!(rating(&desk, "agent1", &id).await["score"], 5);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_asking_side_rates_and_the_last_answer_counts() {
    let desk = Desk::start().await;
    let id = closed(&desk).await;
    let rate = |score: i32| json!({ "ticketId": id, "score": score });
    for (name, code) in [("agent1", "FORBIDDEN"), ("admin", "FORBIDDEN"), ("requester2", "NOT_FOUND")] {
        assert_eq!(desk.as_(name).await.refused("rateTicket", rate(1)).await.0, code, "{name}");
    }
    let events = "ticket { rating { score } events(last: 1) { nodes { kind } } }";
    desk.as_("requester1").await.done("rateTicket", events, rate(3)).await;
    let written = json!({ "ticketId": id, "score": 4, "comment": "回电 13800138000" });
    desk.as_("colleague1").await.done("rateTicket", "__typename", written).await;
    let last = desk.as_("colleague1").await.done("rateTicket", events, rate(4)).await;
    assert_eq!(rating(&desk, "supervisor", &id).await["comment"], "回电 13800138000", "other stars, the same words");
    assert_eq!(last["ticket"]["rating"]["score"], 4);
    assert_eq!(last["ticket"]["events"]["nodes"][0]["kind"], "TicketRated");
    let heard = "{ notifications { nodes { cause } } }";
    let heard = desk.as_("requester1").await.query(heard, json!({})).await;
    let surveys = |heard: &Json| {
        heard["notifications"]["nodes"].as_array().unwrap().iter().filter(|n| n["cause"] == "SURVEY").count()
    };
    assert_eq!(surveys(&heard), 1);
    // Closed again after an answer: nobody is asked a second time.
    let agent = desk.as_("agent1").await;
    agent.done("reopenTicket", "__typename", json!({ "ticketId": id, "reason": "又漏" })).await;
    assert_eq!(desk.as_("requester1").await.refused("rateTicket", rate(1)).await.0, "INVALID_TRANSITION");
    agent.done("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": attribution("再换") })).await;
    agent.done("closeTicket", "__typename", json!({ "ticketId": id })).await;
    let heard = desk.as_("requester1").await.query("{ notifications { nodes { cause } } }", json!({})).await;
    assert_eq!(surveys(&heard), 1);
    desk.advance(seconds(1)).await;
    // What was written can be taken out; the score stays.
    let redact = json!({ "ticketId": id, "texts": ["RATING_COMMENT"] });
    desk.as_("admin").await.done("redactTicket", "__typename", redact).await;
    let told = rating(&desk, "supervisor", &id).await;
    assert_eq!((&told["comment"], &told["score"]), (&json!("[已隐去 redacted]"), &json!(4)));
    desk.close().await;
}
