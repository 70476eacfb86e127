//! The survey after a ticket closes: sent once, answered by link or signed in; the last rating counts.

use domain::kernel::{days, seconds};
use domain::notifications;
use tests::providers::MailServer;
use tests::{Desk, Json, attribution, json};

const RATING: &str = "query Q($id: ID!) { ticket(id: $id) { rating { score comment by { name } surveySentAt } } }";

async fn rating(desk: &Desk, name: &str, id: &str) -> Json {
    desk.as_(name).await.query(RATING, json!({ "id": id })).await["ticket"]["rating"].clone()
}

async fn closed_ticket(desk: &Desk) -> String {
    let more = json!({ "requesterEmail": "requester1@desk.test", "issueType": "REPAIR" });
    let id = desk.create_resolved_ticket("agent1", "E-42 漏液", "更换密封圈", more).await;
    desk.as_("requester1").await.mutate_ok("closeTicket", "__typename", json!({ "ticketId": id })).await;
    id
}

/// The tokens of the survey links in mails to a recipient, in order.
fn tokens(post: &MailServer, to: &str) -> Vec<String> {
    let mails = post.mails().into_iter().filter(|mail| mail.to == to);
    let token = |text: String| {
        let text = text.replace("=\n", "");
        text.split("/rate/").nth(1).map(|rest| rest.chars().take_while(char::is_ascii_hexdigit).collect())
    };
    mails.filter_map(|mail| token(mail.text)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_answers_its_survey_without_signing_in() {
    let post = MailServer::start("").await;
    let url = post.url.clone();
    let desk = Desk::configured(|config| {
        config.channels.email.smtp_url = url.as_str().into();
        config.channels.email.from = "Buoy <buoy@desk.test>".into();
        config.settings_mut::<notifications::model::Settings>().public_url = "https://buoy.test".into();
    })
    .await;
    let english = json!({ "language": "ENGLISH" });
    desk.as_("requester1").await.mutate_ok("saveNotificationPreference", "__typename", english).await;
    let id = closed_ticket(&desk).await;
    desk.advance(seconds(1)).await;
    let links = tokens(&post, "requester1@desk.test");
    assert_eq!(links.len(), 1, "{:#?}", post.mails());
    let anonymous = desk.anonymous();
    let about = "query Q($token: String!) { survey(token: $token) { title score } }";
    let survey = anonymous.query(about, json!({ "token": links[0] })).await;
    assert_eq!(
        survey["survey"],
        json!({ "title": "E-42 漏液", "score": null }),
        "reading the survey submits no answer"
    );
    assert_eq!(rating(&desk, "agent1", &id).await["score"], json!(null));
    for (score, comment) in [(2, "慢"), (5, "后来很好")] {
        let answer = json!({ "token": links[0], "score": score, "comment": comment });
        assert_eq!(anonymous.mutate_ok("answerSurvey", "score", answer).await["score"], score);
    }
    let rating_now = rating(&desk, "agent1", &id).await;
    assert_eq!(
        (&rating_now["score"], &rating_now["comment"], &rating_now["by"]["name"]),
        (&json!(5), &json!("后来很好"), &json!("requester1"))
    );
    // A modified token, an empty one and an invalid one are rejected.
    let mut changed = links[0].clone();
    changed.replace_range(63..64, if changed.ends_with('0') { "1" } else { "0" });
    for token in [changed.as_str(), "", "zz"] {
        let (code, field) = anonymous.refusal("answerSurvey", json!({ "token": token, "score": 1 })).await;
        assert_eq!((code.as_str(), field.as_str()), ("TOKEN_INVALID", "token"));
        assert_eq!(anonymous.execute(about, json!({ "token": token })).await.code(), "NOT_FOUND");
    }
    let (code, field) = anonymous.refusal("answerSurvey", json!({ "token": links[0], "score": 6 })).await;
    assert_eq!((code.as_str(), field.as_str()), ("INVALID", "score"));
    desk.advance(days(31)).await;
    let (code, _) = anonymous.refusal("answerSurvey", json!({ "token": links[0], "score": 1 })).await;
    assert_eq!(code, "TOKEN_INVALID");
    assert_eq!(rating(&desk, "agent1", &id).await["score"], 5);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_requesting_side_rates_and_the_last_rating_counts() {
    let desk = Desk::start().await;
    let id = closed_ticket(&desk).await;
    let rate = |score: i32| json!({ "ticketId": id, "score": score });
    for (name, code) in [("agent1", "FORBIDDEN"), ("admin", "FORBIDDEN"), ("requester2", "NOT_FOUND")] {
        assert_eq!(desk.as_(name).await.refusal("rateTicket", rate(1)).await.0, code, "{name}");
    }
    let events = "ticket { rating { score } events(last: 1) { nodes { kind } } }";
    desk.as_("requester1").await.mutate_ok("rateTicket", events, rate(3)).await;
    let written = json!({ "ticketId": id, "score": 4, "comment": "回电 13800138000" });
    desk.as_("colleague1").await.mutate_ok("rateTicket", "__typename", written).await;
    let last = desk.as_("colleague1").await.mutate_ok("rateTicket", events, rate(4)).await;
    assert_eq!(rating(&desk, "supervisor", &id).await["comment"], "回电 13800138000", "a new score keeps the comment");
    assert_eq!(last["ticket"]["rating"]["score"], 4);
    assert_eq!(last["ticket"]["events"]["nodes"][0]["kind"], "TicketRated");
    let notifications = "{ notifications { nodes { cause } } }";
    let notifications = desk.as_("requester1").await.query(notifications, json!({})).await;
    let surveys = |notifications: &Json| {
        notifications["notifications"]["nodes"].as_array().unwrap().iter().filter(|n| n["cause"] == "SURVEY").count()
    };
    assert_eq!(surveys(&notifications), 1);
    // A ticket that closes again after its rating gets no second survey.
    let agent = desk.as_("agent1").await;
    agent.mutate_ok("reopenTicket", "__typename", json!({ "ticketId": id, "reason": "又漏" })).await;
    assert_eq!(desk.as_("requester1").await.refusal("rateTicket", rate(1)).await.0, "INVALID_TRANSITION");
    agent.mutate_ok("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": attribution("再换") })).await;
    agent.mutate_ok("closeTicket", "__typename", json!({ "ticketId": id })).await;
    let notifications = desk.as_("requester1").await.query("{ notifications { nodes { cause } } }", json!({})).await;
    assert_eq!(surveys(&notifications), 1);
    desk.advance(seconds(1)).await;
    // The comment can be redacted; the score stays.
    let redact = json!({ "ticketId": id, "texts": ["RATING_COMMENT"] });
    desk.as_("admin").await.mutate_ok("redactTicket", "__typename", redact).await;
    let rating_now = rating(&desk, "supervisor", &id).await;
    assert_eq!((&rating_now["comment"], &rating_now["score"]), (&json!("[已隐去 redacted]"), &json!(4)));
    desk.close().await;
}
